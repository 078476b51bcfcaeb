// A client of a server. Calls have deadlines; Unavailable names the address. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

class FarmClient {
 public:
  explicit FarmClient(std::string address);
  ~FarmClient();

  absl::StatusOr<v1::SubmitJobReply> Submit(const v1::JobSpec& spec);
  // Calls `on_event` for each event until the job's end; goes on where it was when the connection
  // breaks, for about a minute. Returns the last event.
  absl::StatusOr<v1::JobEvent> Watch(const std::string& job,
                                     const std::function<void(const v1::JobEvent&)>& on_event);
  absl::StatusOr<v1::ListJobsReply> ListJobs();
  absl::StatusOr<v1::CancelJobReply> Cancel(const std::string& job);
  absl::StatusOr<v1::ListWorkersReply> ListWorkers();
  // The bytes of a blob, at most 256 MiB.
  absl::StatusOr<std::string> FetchBlob(const std::string& name);

 private:
  struct Stub;
  const std::string address_;
  const std::unique_ptr<Stub> stub_;
};

// "queued", "running", "done", "cancelled", "failed".
std::string NameOf(v1::JobState state);

}  // namespace tilewright
