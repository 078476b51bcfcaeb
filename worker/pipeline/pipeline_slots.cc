// The pipeline's slots. Two runs share one: while the first has its turn, the second takes the next
// kernel and prepares its runner on cores that no slot has; then it waits for the slot.
#include <algorithm>

#include "worker/pipeline/pipeline_job.h"

namespace tilewright {

// Of a kernel that is there to be run, or that none will be. Holds the mutex, so that a slot cannot
// miss it between its look and its wait.
void Pipeline::NotifySlots() {
  std::lock_guard lock(mutex_);
  if (held_.size() <= running_) turns_.EndSpareTimes();
  runnable_.notify_all();
}

// What was found unfit says nothing about the trial at hand: pausing drops it.
void Pipeline::CheckUpIfDue(Slot& slot) {
  if (!setup_.checkup || setup_.checkup_seconds <= 0) return;
  if (SecondsSince(slot.last_checkup) < setup_.checkup_seconds) return;
  const absl::Status status = setup_.checkup(slot.number);
  slot.last_checkup = std::chrono::steady_clock::now();
  std::vector<WorkerTrial> suspects;
  if (absl::IsDataLoss(status)) suspects.swap(slot.unproven);
  if (status.ok()) return slot.unproven.clear();
  if (unfit_) unfit_(status, suspects);
}

void Pipeline::RunLoop(Slot& slot) {
  while (JobPtr job = NextRunnable(slot)) {
    if (CanPrepareAhead(*job, slot)) Prepare(*job, slot);
    RunInTurn(*job, slot);
    {
      std::lock_guard lock(mutex_);
      --slot.jobs;
      --running_;
      run_ended_.notify_all();
    }
    NotifySlots();
  }
}

// The slot's time is over once the kernel has left it: what follows is done beside the next run.
void Pipeline::RunInTurn(Job& job, Slot& slot) {
  turns_.Take(slot.number);
  {
    std::lock_guard lock(mutex_);
    ++running_;
  }
  CheckUpIfDue(slot);
  const WorkerTrial& trial = job.trial;
  if (IsDropped(job)) {
    turns_.Return(slot.number);
    return Release(trial.attempt);
  }
  const bool is_checked = setup_.checkup && setup_.checkup_seconds > 0 && !trial.network;
  if (is_checked) slot.unproven.push_back({trial.session, trial.attempt, trial.fence});
  const auto start = std::chrono::steady_clock::now();
  absl::StatusOr<Outcome> outcome =
      trial.network ? RunNetwork(job, slot.cores) : Measure(job, slot);
  job.result.run_seconds = SecondsSince(start);
  turns_.Return(slot.number);
  Finish(job, std::move(outcome));
}

// The oldest whose reference is there: a slow reference holds up only its own trials. A slot that
// has less to do than this one goes first. Null at the end.
Pipeline::JobPtr Pipeline::NextRunnable(Slot& slot) {
  const auto has_less = [&](const std::unique_ptr<Slot>& at) { return at->jobs < slot.jobs; };
  std::unique_lock lock(mutex_);
  for (; !stopped_; runnable_.wait(lock)) {
    if (std::any_of(slots_.begin(), slots_.end(), has_less)) continue;
    const auto it = std::find_if(built_.begin(), built_.end(),
                                 [](const JobPtr& job) { return job->HasReference(); });
    if (it == built_.end()) continue;
    JobPtr job = std::move(*it);
    built_.erase(it);
    ++slot.jobs;
    runnable_.notify_all();  // of a slot that has less to do now
    return job;
  }
  return nullptr;
}

}  // namespace tilewright
