// Streams a job's events to a client: those of long ago from the journal, then the new ones.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "proto/tilewright.grpc.pb.h"
#include "tuner/server/jobs/job.h"

namespace tilewright {

// Ends with the job, the server or the peer; deletes itself.
class WatchReactor final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  // `retelling` counts the threads that read journals for clients; outlives this.
  WatchReactor(uint64_t after, std::atomic<int>& retelling)
      : retelling_(retelling), next_(after + 1) {}

  // Once, from any thread: the job, or why it cannot be watched. Not to be touched afterwards.
  void Begin(absl::StatusOr<std::shared_ptr<Job>> job);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class Action { kNone, kWrite, kRetell, kFinish };

  void Advance();
  Action Decide();
  void Retell();
  bool Queue(const v1::JobEvent& event);

  std::atomic<int>& retelling_;
  std::shared_ptr<Job> job_;
  uint64_t watch_ = 0;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<v1::JobEvent> queue_;  // from the journal
  uint64_t next_;
  bool writing_ = false, gone_ = false, finished_ = false;
  bool retelling_now_ = false, retold_ = false;
  grpc::Status status_;
  v1::JobEvent event_;
};

}  // namespace tilewright
