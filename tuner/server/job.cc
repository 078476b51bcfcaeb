#include "tuner/server/job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/templates/template.h"
#include "proto/convert.h"
#include "tuner/loop/progress_line.h"
#include "tuner/search/searcher.h"
#include "tuner/server/job_measurer.h"

namespace tilewright {
namespace {

constexpr int kMaxTasks = 1000;
constexpr size_t kMaxName = 200;
// Measurements behind a best record: the fewest with a middle one.
constexpr size_t kConfirmations = 3;

uint64_t Fnv1a(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

// Independent of the order in which a map is serialised.
std::string Canonical(const v1::JobSpec& spec) {
  std::string text =
      absl::StrCat(spec.name(), "\n", spec.key(), "\n", spec.tuner(), "\n", spec.trials(), "\n",
                   spec.time_seconds(), "\n", spec.early_stopping(), "\n", spec.seed(), "\n");
  const std::map<std::string, std::string> options(spec.tuner_options().begin(),
                                                   spec.tuner_options().end());
  for (const auto& [name, value] : options) absl::StrAppend(&text, name, "=", value, "\n");
  for (const v1::JobTask& task : spec.tasks()) {
    absl::StrAppend(&text, task.task().template_name(), "|", task.task().target(), "|",
                    task.task().workload(), "|", task.count(), "\n");
  }
  return text;
}

absl::Status CheckSpec(const v1::JobSpec& spec) {
  if (spec.tasks().empty() || spec.tasks_size() > kMaxTasks) {
    return absl::InvalidArgumentError(
        absl::StrCat("a job of ", spec.tasks_size(), " tasks, allowed 1 to ", kMaxTasks));
  }
  if (spec.key().empty() || spec.key().size() > kMaxName || spec.name().size() > kMaxName) {
    return absl::InvalidArgumentError("a job needs a device key; names have at most 200 bytes");
  }
  return absl::OkStatus();
}

}  // namespace

std::string JobId(const v1::JobSpec& spec) {
  const uint64_t hash = Fnv1a(Canonical(spec));
  return absl::StrCat(spec.name().empty() ? "job" : spec.name(), "-",
                      absl::Hex(static_cast<uint32_t>(hash ^ (hash >> 32)), absl::kZeroPad8));
}

struct Job::TaskEntry {
  Task task;
  uint32_t count = 1;
  ConfigSpace space;
  std::unique_ptr<Searcher> searcher;
  std::vector<Trial> history;
  size_t resumed = 0;
  std::vector<uint64_t> seeds;

  double BestSeconds() const {
    double best = 0;
    for (const Trial& trial : history) {
      const std::optional<double> seconds = MedianSeconds(trial.outcome);
      if (seconds && (best == 0 || *seconds < best)) best = *seconds;
    }
    return best;
  }
};

// ---- start -------------------------------------------------------------------------------------

absl::StatusOr<std::shared_ptr<Job>> Job::Start(const v1::JobSpec& spec, Dispatcher& dispatcher,
                                                const RecordStore& store, const Clock& clock) {
  TW_RETURN_IF_ERROR(CheckSpec(spec));
  std::shared_ptr<Job> job(new Job(spec, dispatcher, store, clock));
  for (const v1::JobTask& task : spec.tasks()) TW_RETURN_IF_ERROR(job->AddTask(task));
  v1::JobEvent queued;
  queued.set_state(v1::QUEUED);
  job->Emit(std::move(queued));
  job->thread_ = std::thread([raw = job.get()] { raw->Run(); });
  return job;
}

Job::Job(const v1::JobSpec& spec, Dispatcher& dispatcher, const RecordStore& store,
         const Clock& clock)
    : id_(JobId(spec)), spec_(spec), dispatcher_(dispatcher), store_(store), clock_(clock) {}

Job::~Job() {
  Cancel();
  if (thread_.joinable()) thread_.join();
}

absl::Status Job::AddTask(const v1::JobTask& message) {
  auto entry = std::make_unique<TaskEntry>();
  TW_ASSIGN_OR_RETURN(entry->task, FromMessage(message.task()));
  TW_ASSIGN_OR_RETURN(const Template* schedule, FindTemplate(entry->task.template_name));
  const Task& task = entry->task;
  if (!schedule->Matches(task.workload, task.target)) {
    return absl::InvalidArgumentError(
        absl::StrCat("template ", task.template_name, " does not fit ", task.workload.Key()));
  }
  entry->count = std::max(1u, message.count());
  entry->space = schedule->Space(task.workload, task.target);
  const SearchContext context{
      .space = entry->space,
      .seed = spec_.seed() + tasks_.size(),
      .options = {spec_.tuner_options().begin(), spec_.tuner_options().end()},
      .flops = task.workload.Flops()};
  TW_ASSIGN_OR_RETURN(entry->searcher, MakeSearcher(spec_.tuner(), context));
  const absl::StatusOr<uint64_t> start =
      entry->space.IndexOf(schedule->Default(task.workload, task.target));
  if (start.ok()) entry->seeds.push_back(*start);
  TW_RETURN_IF_ERROR(LoadHistory(*entry));
  tasks_.push_back(std::move(entry));
  return absl::OkStatus();
}

// Trials of this task on this key: other jobs' first, then those of this job's earlier runs.
absl::Status Job::LoadHistory(TaskEntry& entry) const {
  const RecordFilter filter{.workload_key = entry.task.workload.Key(),
                            .template_name = entry.task.template_name,
                            .target = ToString(entry.task.target),
                            .device_key = spec_.key()};
  std::vector<Trial> resumed;
  TW_RETURN_IF_ERROR(store_.ForEach(filter, [&](const Record& record) {
    const absl::StatusOr<uint64_t> index = entry.space.IndexOf(record.config);
    const bool usable = record.record_class == "ok" || record.record_class == "late";
    if (index.ok() && usable) {
      std::vector<Trial>& list = record.job == id_ ? resumed : entry.history;
      list.push_back({record.config, *index, record.outcome});
    }
    return true;
  }));
  entry.resumed = resumed.size();
  std::move(resumed.begin(), resumed.end(), std::back_inserter(entry.history));
  return absl::OkStatus();
}

// ---- run ---------------------------------------------------------------------------------------

TuneJob Job::MakeTuneJob() {
  TuneJob job;
  for (const auto& entry : tasks_) {
    job.items.push_back({.task = entry->task,
                         .space = &entry->space,
                         .searcher = entry->searcher.get(),
                         .flops = entry->task.workload.Flops(),
                         .weight = static_cast<double>(entry->count),
                         .history = entry->history,
                         .resumed_trials = entry->resumed,
                         .seeds = entry->seeds});
  }
  job.budget = {.trials = spec_.trials(),
                .early_stopping = spec_.early_stopping(),
                .seconds = spec_.time_seconds(),
                .confirmations = kConfirmations};
  job.callbacks.trial = [this](const TuneEvent& event) { OnTrial(event); };
  job.stop = stop_.get_token();
  return job;
}

void Job::Run() {
  JobMeasurer measurer(dispatcher_, id_, spec_.key(), spec_.seed());
  for (const auto& entry : tasks_) {
    measurer.AddTask(entry->task, entry->space, entry->BestSeconds());
  }
  v1::JobEvent running;
  running.set_state(v1::RUNNING);
  Emit(std::move(running));
  const TuneResult result = TuneModel(MakeTuneJob(), measurer, clock_);
  dispatcher_.CancelJob(id_);  // what the loop abandoned
  End(result);
}

void Job::OnTrial(const TuneEvent& event) {
  v1::JobEvent message;
  message.set_state(v1::RUNNING);
  message.set_model_seconds(event.model_seconds.value_or(0));
  v1::TrialEvent& trial = *message.mutable_trial();
  trial.set_task_index(static_cast<uint32_t>(event.item));
  trial.set_task_count(static_cast<uint32_t>(event.item_count));
  trial.set_number(event.item_trials);
  trial.set_total_number(event.trials);
  trial.set_seconds(MedianSeconds(event.trial.outcome).value_or(0));
  if (const auto* failure = std::get_if<Failure>(&event.trial.outcome)) {
    trial.set_failure(std::string(NameOf(failure->kind)));
    trial.set_message(failure->message.substr(0, 400));
  }
  trial.set_build_seconds(event.measured.build_seconds);
  trial.set_run_seconds(event.measured.run_seconds);
  trial.set_queue_seconds(event.measured.queue_seconds);
  trial.set_gflops(event.current_flops * 1e-9);
  trial.set_best_gflops(event.best_flops * 1e-9);
  trial.set_line(ProgressLine(event));
  trial.set_task(tasks_[event.item]->task.workload.Key());
  Emit(std::move(message));
}

void Job::End(const TuneResult& result) {
  v1::JobEvent last;
  last.set_model_seconds(result.model_seconds.value_or(0));
  bool any = false;
  for (size_t i = 0; i < result.items.size(); ++i) {
    const TuneItemResult& item = result.items[i];
    v1::TaskResult& task = *last.add_tasks();
    *task.mutable_task() = spec_.tasks(static_cast<int>(i)).task();
    task.set_count(tasks_[i]->count);
    task.set_trials(item.trials);
    task.set_failures(item.failures);
    task.set_end(std::string(NameOf(item.end)));
    if (!item.best) continue;
    any = true;
    task.set_best_seconds(MedianSeconds(item.best->outcome).value_or(0));
    task.set_best_config(EntitiesToJson(item.best->config));
  }
  last.set_state(any ? v1::DONE : v1::FAILED);
  if (stop_.stop_requested()) last.set_state(v1::CANCELLED);
  if (last.state() == v1::FAILED) {
    std::lock_guard lock(mutex_);
    last.set_message("no kernel could be measured; the last failure: " + last_failure_);
  }
  Emit(std::move(last));
}

void Job::Cancel() { stop_.request_stop(); }

// ---- events ------------------------------------------------------------------------------------

void Job::Emit(v1::JobEvent event) {
  {
    std::lock_guard lock(mutex_);
    event.set_sequence(events_.size() + 1);
    state_ = event.state();
    if (!event.message().empty()) message_ = event.message();
    if (event.has_trial()) {
      ++trials_;
      if (!event.trial().failure().empty()) {
        ++failures_;
        last_failure_ = absl::StrCat(event.trial().failure(), ": ", event.trial().message());
      }
    }
    if (event.model_seconds() > 0) model_seconds_ = event.model_seconds();
    events_.push_back(std::move(event));
  }
  std::lock_guard lock(watch_mutex_);
  for (const auto& [id, notify] : watches_) notify();
}

std::optional<v1::JobEvent> Job::Event(uint64_t sequence) const {
  std::lock_guard lock(mutex_);
  if (sequence < 1 || sequence > events_.size()) return std::nullopt;
  return events_[sequence - 1];
}

uint64_t Job::Watch(std::function<void()> notify) {
  std::lock_guard lock(watch_mutex_);
  watches_[next_watch_] = std::move(notify);
  return next_watch_++;
}

void Job::Unwatch(uint64_t watch) {
  std::lock_guard lock(watch_mutex_);
  watches_.erase(watch);
}

bool Job::ended() const {
  std::lock_guard lock(mutex_);
  return state_ == v1::DONE || state_ == v1::CANCELLED || state_ == v1::FAILED;
}

v1::JobSummary Job::Summary() const {
  std::lock_guard lock(mutex_);
  v1::JobSummary summary;
  summary.set_job(id_);
  summary.set_name(spec_.name());
  summary.set_key(spec_.key());
  summary.set_state(state_);
  summary.set_tasks(static_cast<uint32_t>(spec_.tasks_size()));
  summary.set_finished_trials(trials_);
  summary.set_failed_trials(failures_);
  summary.set_model_seconds(model_seconds_);
  summary.set_message(message_);
  return summary;
}

}  // namespace tilewright
