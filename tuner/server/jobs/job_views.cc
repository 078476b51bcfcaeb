// What others see of a job: its state, its summary, its curves, its events told again.
#include <utility>

#include "base/status_macros.h"
#include "tuner/loop/tuning.h"
#include "tuner/server/jobs/job.h"

namespace tilewright {

v1::JobState Job::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

bool Job::ended() const { return IsEnd(state()); }

v1::JobSummary Job::Summary() const {
  std::lock_guard lock(mutex_);
  return SummaryOf(row_);
}

absl::StatusOr<TuningCurves> Job::Curves() const {
  {
    std::lock_guard lock(mutex_);
    if (started_) return curves_;
  }
  TuningCurves curves;
  TW_RETURN_IF_ERROR(Retell(1, [&](const v1::JobEvent& event) { return curves.Add(event), true; }));
  return curves;
}

absl::Status Job::Retell(uint64_t first,
                         const std::function<bool(const v1::JobEvent&)>& visit) const {
  TW_ASSIGN_OR_RETURN(JobTasks tasks, MakeJobTasks(spec_, row_, context_.store, false));
  TW_ASSIGN_OR_RETURN(JournalReader reader, JournalReader::Open(context_.store, id_, false));
  uint64_t number = 0;
  bool more = true;
  const auto tell = [&](v1::JobEvent event) {
    event.set_sequence(++number);
    if (number >= first && more) more = visit(event);
  };
  TuneJob job = MakeTuneJob(spec_, tasks);
  job.callbacks.trial = [&](const TuneEvent& event) {
    v1::JobEvent message = StateEvent(v1::RUNNING, "");
    message.set_model_seconds(event.model_seconds.value_or(0));
    *message.mutable_trial() = TrialEventOf(event, tasks[event.item]->task.workload.Key());
    tell(std::move(message));
  };
  const auto end = [this] {  // only once the journal has it: it may come while that is read
    std::lock_guard lock(mutex_);
    return row_.result;
  };
  job.replay = [&](TuneStep* step) {
    JournalEntry entry;
    while (more && reader.Next(&entry)) {
      if (entry.step) {
        *step = *std::move(entry.step);
        return true;
      }
      v1::JobEvent event = StateEvent(StateOf(entry.state), entry.message);
      v1::JobEvent last;  // with its table
      const bool ends = IsEnd(event.state()) && reader.at_end() && last.ParseFromString(end());
      tell(ends && last.state() == event.state() ? last : event);
    }
    return false;
  };
  RetellJob(std::move(job));
  return reader.status();
}

}  // namespace tilewright
