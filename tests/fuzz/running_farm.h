// A farm's server in this process for targets that talk to it; another one after some thousand
// requests, so that what they leave behind stays small.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "records/store/record_store.h"
#include "tuner/server/server.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {

class RunningFarm {
 public:
  // The one of this process, young enough.
  static RunningFarm& Get();

  RunningFarm();

  // A serialised request to "/tilewright.v1.TuningService/ListJobs", say; true when it is answered
  // with OK. Waits at most a tenth of a second.
  bool Call(const std::string& method, std::string_view request);
  // Bytes to the port of the web page; the answer.
  std::string Http(std::string_view request);

  // Of a worker's session, and the server's.
  const std::string& session() const { return session_; }
  uint64_t epoch() const { return epoch_; }

 private:
  SystemClock clock_;
  std::unique_ptr<PrivateFolder> folder_;
  std::unique_ptr<RecordStore> store_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string session_;
  uint64_t epoch_ = 0;
  int requests_ = 0;
};

}  // namespace tilewright
