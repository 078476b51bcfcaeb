// The worker: dials in to a server, leases trials, renews, reports. Survives the server's restarts.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

struct AgentOptions {
  std::string server;           // "HOST:PORT" or "unix:PATH"
  std::string key;              // device key
  std::string name;             // unique in the farm
  std::string runner, builder;  // paths of the executables
  std::string temp_folder;      // a private folder is made in it, and removed at the end
  int slots = 1;
  int builders = 0;                             // 0: one for each core that is not a slot
  std::function<void(const std::string&)> log;  // one line, any thread; may be null
};

class Agent {
 public:
  // Starts the builders, then dials in in the background. InvalidArgument for impossible options,
  // Unavailable when the builder does not start.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const AgentOptions& options);
  // Stops leasing, finishes and reports what runs, hands the rest back.
  virtual ~Agent() = default;

 protected:
  Agent() = default;
};

}  // namespace tilewright
