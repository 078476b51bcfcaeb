// A client of a server. Calls have deadlines; Unavailable names the address and says what is wrong
// there. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/channel.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

// How a job is submitted, besides its spec.
struct SubmitOptions {
  std::string owner;      // whose share of the key it counts against; empty: the user's name
  uint32_t priority = 1;  // 1 to 16: weight among the owner's jobs
};

class FarmClient {
 public:
  // `patience_seconds`: how long Submit and Watch wait for a server that went away to come back.
  explicit FarmClient(Endpoint server, double patience_seconds = 300);
  ~FarmClient();

  // Tried again while no server answers; a request id makes that safe.
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
  // The bytes of a blob, at most 256 MiB.
  absl::StatusOr<std::string> FetchBlob(const std::string& name);

 private:
  struct Stub;
  bool MayTryAgain(double seconds_without) const { return seconds_without < patience_seconds_; }

  const Endpoint server_;
  const double patience_seconds_;
  const std::unique_ptr<Stub> stub_;
};

// "queued", "running", "paused", "done", "cancelled", "failed".
std::string NameOf(v1::JobState state);
// "good", "unknown", "bad", "maintenance", "retired".
std::string NameOf(v1::WorkerHealth health);

}  // namespace tilewright
