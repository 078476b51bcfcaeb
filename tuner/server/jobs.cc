#include "tuner/server/jobs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr long kMaxRunning = 64;    // a thread each
constexpr size_t kMaxEnded = 1000;  // kept to be listed

}  // namespace

absl::StatusOr<std::shared_ptr<Job>> Jobs::Submit(const v1::JobSpec& spec) {
  const std::string id = JobId(spec);
  std::lock_guard lock(mutex_);
  const auto same =
      std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& job) { return job->id() == id; });
  if (same != jobs_.end() && !(*same)->ended()) return *same;
  const auto running =
      std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->ended(); });
  if (running >= kMaxRunning) {
    return absl::ResourceExhaustedError(
        absl::StrCat(running, " jobs are running, allowed ", kMaxRunning, "; try again later"));
  }
  TW_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Job::Start(spec, dispatcher_, store_, clock_));
  if (same != jobs_.end()) jobs_.erase(same);
  jobs_.push_back(job);
  if (jobs_.size() > kMaxEnded) {
    const auto oldest =
        std::find_if(jobs_.begin(), jobs_.end(), [](const auto& j) { return j->ended(); });
    if (oldest != jobs_.end()) jobs_.erase(oldest);
  }
  return job;
}

absl::StatusOr<std::shared_ptr<Job>> Jobs::Find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->id() == id) return job;
  }
  const std::string known =
      absl::StrJoin(jobs_, ", ", [](std::string* out, const auto& job) { out->append(job->id()); });
  return absl::NotFoundError(absl::StrCat("no job \"", id.substr(0, 200), "\"; known: ",
                                          known.empty() ? "none" : known.substr(0, 1000)));
}

std::vector<std::shared_ptr<Job>> Jobs::All() const {
  std::lock_guard lock(mutex_);
  return jobs_;
}

void Jobs::CancelAll() {
  for (const auto& job : All()) job->Cancel();
}

}  // namespace tilewright
