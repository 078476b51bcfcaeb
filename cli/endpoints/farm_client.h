// A client of a server. Calls have deadlines; Unavailable names the address and says what is wrong
// there. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/channel.h"
#include "proto/tilewright.grpc.pb.h"

namespace tilewright {

// How a job is submitted, besides its spec.
struct SubmitOptions {
  std::string owner;      // whose share of the key it counts against; empty: the user's name
  uint32_t priority = 1;  // 1 to 16: weight among the owner's jobs
};

class FarmClient {
 public:
  // `patience_seconds`: how long a call waits for a server that has answered before and went away
  // to come back; every call may be made twice. One that never answered is given up at once.
  explicit FarmClient(Endpoint server, double patience_seconds = 300);
  ~FarmClient();

  // Waits some seconds for a server that has not answered yet too.
  absl::StatusOr<v1::SubmitJobReply> Submit(const v1::JobSpec& spec,
                                            const SubmitOptions& options = {});
  // Calls `on_event` for each event until the job's end; goes on where it was when the connection
  // breaks or the server is started again. Returns the last event.
  absl::StatusOr<v1::JobEvent> Watch(const std::string& job,
                                     const std::function<void(const v1::JobEvent&)>& on_event);
  absl::StatusOr<v1::ListJobsReply> ListJobs();
  // The state it is in now.
  absl::StatusOr<v1::JobState> Cancel(const std::string& job);
  absl::StatusOr<v1::JobState> Pause(const std::string& job);
  absl::StatusOr<v1::JobState> Resume(const std::string& job);
  absl::StatusOr<v1::ListWorkersReply> ListWorkers();
  absl::Status SetWorkerHealth(const std::string& worker, v1::WorkerHealth health,
                               const std::string& reason);
  absl::StatusOr<v1::LookUpRecordsReply> LookUpRecords(const v1::LookUpRecordsRequest& request);
  absl::StatusOr<v1::FindRecordsReply> FindRecords(const v1::FindRecordsRequest& request);
  // All that match, oldest first, 10,000 a call; the user is named as the one who did it. When a
  // call is lost, those that it revoked may be missing from the answer.
  absl::StatusOr<std::vector<std::string>> RevokeRecords(v1::RevokeRecordsRequest request);
  absl::StatusOr<std::vector<v1::RevokedRecord>> ListRevocations();
  // Gives the bytes of a blob to `take`, piece by piece as they come, however long that takes; what
  // `take` returns, false or an error, ends it.
  absl::Status FetchBlob(const v1::FetchBlobRequest& request,
                         const std::function<absl::StatusOr<bool>(std::string_view)>& take);

 private:
  struct Stub;
  template <typename Request, typename Reply>
  using CallOf = grpc::Status (v1::TuningService::Stub::*)(grpc::ClientContext*, const Request&,
                                                           Reply*);
  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Call(CallOf<Request, Reply> method, const Request& request,
                             double first_patience = 0);

  const Endpoint server_;
  const double patience_seconds_;
  const std::unique_ptr<Stub> stub_;
};

// "queued", "running", "paused", "done", "cancelled", "failed".
std::string NameOf(v1::JobState state);
// "good", "unknown", "bad", "maintenance", "retired".
std::string NameOf(v1::WorkerHealth health);
// "both", "build", "run".
std::string NameOf(v1::WorkerRole role);

}  // namespace tilewright
