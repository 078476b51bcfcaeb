#include "tuner/server/dispatch/fair_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tilewright {
namespace {

// Trials that a share may be behind: what it missed beyond them is gone.
constexpr double kMostCredit = 16;

}  // namespace

FairQueue::Job& FairQueue::JobOf(const TrialRequest& request) {
  const auto [owner, new_owner] = owners_.try_emplace(request.owner);
  if (new_owner) owner->second.pass = now_ + 1;
  const auto [job, new_job] = owner->second.jobs.try_emplace(request.job);
  job->second.weight = std::max(1u, request.weight);
  if (new_job) job->second.pass = owner->second.now + 1.0 / job->second.weight;
  return job->second;
}

void FairQueue::Push(TrialPtr trial) {
  Job& job = JobOf(trial->request);
  job.queue.push_back(std::move(trial));
}

void FairQueue::PushFront(TrialPtr trial) {
  Job& job = JobOf(trial->request);
  auto at = job.queue.begin();
  if (trial->module) {
    at = std::find_if(at, job.queue.end(), [](const TrialPtr& other) { return !other->module; });
  }
  job.queue.insert(at, std::move(trial));
}

FairQueue::Place FairQueue::Next(Owner& owner, const AcceptJob& accept_job, const Accept& accept) {
  Place best;
  for (auto& [id, job] : owner.jobs) {
    if ((best.job && job.pass >= best.job->pass) || !accept_job(id)) continue;
    const auto at = std::find_if(job.queue.begin(), job.queue.end(),
                                 [&](const TrialPtr& trial) { return accept(*trial); });
    if (at != job.queue.end()) best = {&owner, &job, at};
  }
  return best;
}

TrialPtr FairQueue::Take(const AcceptJob& accept_job, const Accept& accept) {
  Place next;
  for (auto& [name, owner] : owners_) {
    if (next.owner && owner.pass >= next.owner->pass) continue;
    const Place place = Next(owner, accept_job, accept);
    if (place.job) next = place;
  }
  if (!next.job) return nullptr;
  TrialPtr trial = std::move(*next.at);
  next.job->queue.erase(next.at);
  ++next.job->running;
  if (!trial->module) Charge(*next.owner, *next.job);
  return trial;
}

void FairQueue::Charge(Owner& owner, Job& job) {
  const double trial = 1.0 / job.weight;
  now_ = std::max(now_, owner.pass);
  owner.now = std::max(owner.now, job.pass);
  owner.pass = std::max(owner.pass, now_ - kMostCredit) + 1;
  job.pass = std::max(job.pass, owner.now - kMostCredit * trial) + trial;
}

void FairQueue::Ended(const TrialRequest& request) {
  --owners_.at(request.owner).jobs.at(request.job).running;
  DropIfEmpty(request);
}

void FairQueue::DropIfEmpty(const TrialRequest& request) {
  const auto owner = owners_.find(request.owner);
  if (owner == owners_.end()) return;
  const auto job = owner->second.jobs.find(request.job);
  if (job == owner->second.jobs.end()) return;
  if (job->second.running > 0 || !job->second.queue.empty()) return;
  owner->second.jobs.erase(job);
  if (owner->second.jobs.empty()) owners_.erase(owner);
}

void FairQueue::Remove(const TrialPtr& trial) {
  std::erase(JobOf(trial->request).queue, trial);
  DropIfEmpty(trial->request);
}

std::vector<TrialPtr> FairQueue::RemoveAll(const std::string& job) {
  std::vector<TrialPtr> removed;
  for (auto& [name, owner] : owners_) {
    for (auto& [id, entry] : owner.jobs) {
      if (!job.empty() && id != job) continue;
      std::move(entry.queue.begin(), entry.queue.end(), std::back_inserter(removed));
      entry.queue.clear();
    }
  }
  for (const TrialPtr& trial : removed) DropIfEmpty(trial->request);
  return removed;
}

void FairQueue::ForEach(const std::function<void(QueuedTrial&)>& visit) {
  for (auto& [name, owner] : owners_) {
    for (auto& [id, job] : owner.jobs) {
      for (const TrialPtr& trial : job.queue) visit(*trial);
    }
  }
}

void FairQueue::SetWeight(const std::string& job, uint32_t weight) {
  for (auto& [name, owner] : owners_) {
    const auto found = owner.jobs.find(job);
    if (found == owner.jobs.end()) continue;
    found->second.weight = std::max(1u, weight);
    for (const TrialPtr& trial : found->second.queue) trial->request.weight = weight;
  }
}

size_t FairQueue::pending() const {
  size_t count = 0;
  for (const auto& [name, owner] : owners_) {
    for (const auto& [id, job] : owner.jobs) count += job.queue.size();
  }
  return count;
}

}  // namespace tilewright
