// All jobs of a server: those that run, and those that the store remembers. Thread-safe; calls may
// use the store, so they are not for threads that must not wait.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tuner/server/jobs/job.h"

namespace tilewright {

struct Submission {
  v1::JobSpec spec;
  std::string request;  // the client's; empty: none
  std::string owner;
  uint32_t weight = 1;
  bool is_private = false;  // another owner's job of the same spec is another job
};

class Jobs {
 public:
  // Everything referred to outlives this.
  explicit Jobs(const JobContext& context) : context_(context) {}

  // Starts every job of the store that has not ended.
  absl::Status Resume();
  // Returns once the job is durable. The same spec (of the same owner, if private) gives the same
  // job: joined while it runs, continued when it has ended. The same request of an owner gives the
  // job it made; AlreadyExists when that had another spec. ResourceExhausted above the number of
  // jobs a server, or an owner, may have running at once. InvalidArgument: see CheckSpec; or those
  // who offer the key are all devices of another kind than its tasks are for.
  absl::StatusOr<std::shared_ptr<Job>> Submit(const Submission& submission);
  // Of one owner's jobs, or with "" of all. NotFound names some of them.
  absl::StatusOr<std::shared_ptr<Job>> Find(const std::string& id, const std::string& only_owner);
  // Returns once its end is stored. Unavailable: that takes long, ask again; else as of Find.
  absl::StatusOr<v1::JobState> Cancel(const std::string& id, const std::string& only_owner);
  // Returns once that is stored. FailedPrecondition: it has ended; else as of Cancel.
  absl::Status SetPaused(const std::string& id, const std::string& only_owner, bool paused);
  // Oldest first; of those that ended, the newest thousand. Of one owner, or with "" all.
  absl::StatusOr<std::vector<v1::JobSummary>> All(const std::string& only_owner) const;
  // Those that have not ended. Does not use the store.
  std::vector<v1::JobSummary> Running() const;
  // Records of a job, or with "" of any, were revoked: a job that runs takes them out of its search
  // and measures again what they were of.
  void NoteRevoked(const std::string& job) const;
  // Stops running them; the next server goes on.
  void SuspendAll();

 private:
  std::shared_ptr<Job> Known(const std::string& id);
  absl::Status CheckQuota(const std::string& owner) const;
  absl::StatusOr<std::shared_ptr<Job>> Begin(const Submission& submission, const std::string& id);
  absl::Status DescribeOldRows() const;
  absl::StatusOr<std::shared_ptr<Job>> Load(const JobRow& row) const;
  absl::Status Flush() const;
  absl::Status Store(JobStepRow step, const JobRow& row) const;

  const JobContext context_;
  std::mutex submit_mutex_;  // one submission at a time; held while the store is used
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // those that run, and some that ended
  bool suspended_ = false;
};

}  // namespace tilewright
