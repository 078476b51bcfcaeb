// A server and one worker of one's own, as child processes on a private Unix socket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

struct LocalFarmSetup {
  std::string records, key;
  int threads = 1;     // cores of the worker's one slot
  std::string device;  // what it measures on, "opencl:0"; empty: the CPU
};

class LocalFarm {
 public:
  // The server answers when this returns. `on_failure` is called at most once, on another thread,
  // when the server ends by itself or the worker does so repeatedly.
  static absl::StatusOr<std::unique_ptr<LocalFarm>> Start(
      const LocalFarmSetup& setup, std::function<void(absl::Status)> on_failure);
  // Ends both in good order, or by force when they take long.
  virtual ~LocalFarm() = default;

  virtual const std::string& address() const = 0;

 protected:
  LocalFarm() = default;
};

}  // namespace tilewright
