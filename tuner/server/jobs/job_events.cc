#include "tuner/server/jobs/job_events.h"

#include "absl/strings/ascii.h"
#include "tuner/loop/progress_line.h"

namespace tilewright {
namespace {

// Of failures, in events.
constexpr size_t kMaxMessage = 400;

}  // namespace

std::string WordOf(v1::JobState state) { return absl::AsciiStrToLower(v1::JobState_Name(state)); }

v1::JobState StateOf(const std::string& word) {
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  v1::JobState_Parse(absl::AsciiStrToUpper(word), &state);
  return state;
}

bool IsEnd(v1::JobState state) {
  return state == v1::DONE || state == v1::CANCELLED || state == v1::FAILED;
}

v1::JobEvent StateEvent(v1::JobState state, const std::string& message) {
  v1::JobEvent event;
  event.set_state(state);
  event.set_message(message);
  return event;
}

v1::TrialEvent TrialEventOf(const TuneEvent& event, const std::string& workload) {
  v1::TrialEvent trial;
  trial.set_task_index(static_cast<uint32_t>(event.item));
  trial.set_number(event.item_trials);
  trial.set_total_number(event.trials);
  trial.set_seconds(MedianSeconds(event.trial.outcome).value_or(0));
  if (const auto* failure = std::get_if<Failure>(&event.trial.outcome)) {
    trial.set_failure(std::string(NameOf(failure->kind)));
    trial.set_message(failure->message.substr(0, kMaxMessage));
  }
  trial.set_build_seconds(event.measured.build_seconds);
  trial.set_run_seconds(event.measured.run_seconds);
  trial.set_queue_seconds(event.measured.queue_seconds);
  trial.set_gflops(event.current_flops * 1e-9);
  trial.set_best_gflops(event.best_flops * 1e-9);
  trial.set_line(ProgressLine(event));
  trial.set_task(workload);
  trial.set_worker(event.measured.worker);
  trial.set_builder(event.measured.builder);
  return trial;
}

void Describe(const v1::JobSpec& spec, JobRow* row) {
  row->name = spec.name();
  row->device_key = spec.key();
  row->tasks = static_cast<uint32_t>(spec.tasks_size());
  row->budget = spec.trials();
}

v1::JobSummary SummaryOf(const JobRow& row) {
  v1::JobSummary summary;
  summary.set_job(row.id);
  summary.set_name(row.name);
  summary.set_key(row.device_key);
  summary.set_state(StateOf(row.state));
  summary.set_tasks(row.tasks);
  summary.set_finished_trials(row.trials);
  summary.set_failed_trials(row.failures);
  summary.set_model_seconds(row.model_seconds);
  summary.set_message(row.message);
  summary.set_owner(row.owner);
  summary.set_priority(row.weight);
  summary.set_created(row.created);
  summary.set_budget(row.budget);
  return summary;
}

}  // namespace tilewright
