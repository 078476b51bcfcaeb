// All jobs of a server. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tuner/server/job.h"

namespace tilewright {

class Jobs {
 public:
  // Everything referred to outlives this.
  Jobs(Dispatcher& dispatcher, const RecordStore& store, const Clock& clock)
      : dispatcher_(dispatcher), store_(store), clock_(clock) {}

  // The same spec gives the same job: joined while it runs, continued when it has ended.
  // ResourceExhausted above the number of jobs a server takes at once.
  absl::StatusOr<std::shared_ptr<Job>> Submit(const v1::JobSpec& spec);
  // NotFound lists the known jobs.
  absl::StatusOr<std::shared_ptr<Job>> Find(const std::string& id) const;
  // Oldest first.
  std::vector<std::shared_ptr<Job>> All() const;
  void CancelAll();

 private:
  Dispatcher& dispatcher_;
  const RecordStore& store_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Job>> jobs_;
};

}  // namespace tilewright
