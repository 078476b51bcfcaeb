#include "tuner/server/jobs/job.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "tuner/loop/tuning.h"
#include "tuner/server/jobs/job_measurer.h"
#include "tuner/server/jobs/network_phase.h"

namespace tilewright {
namespace {

// Between tries to read a job from a store that is away.
constexpr double kStorePause = 3;
bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsInternal(status);
}

}  // namespace

// What it has only while it runs.
struct Job::Run {
  JournalReader reader;
  JobMeasurer measurer;
  uint64_t told = 0;             // events of earlier lives
  std::set<uint64_t> withdrawn;  // trials whose result is
  // Those whose result is to be: the place of each in the job, by its number.
  std::map<uint64_t, std::pair<size_t, uint64_t>> to_withdraw;
  std::unique_ptr<Tuning> tuning;  // of the above
};

Job::Job(JobRow row, v1::JobSpec spec, const JobContext& context)
    : id_(row.id),
      owner_(row.owner),
      spec_(std::move(spec)),
      context_(context),
      clock_(context.clock),
      events_(std::make_shared<EventLog>()),
      row_(std::move(row)),
      state_(StateOf(row_.state)) {
  if (IsEnd(state_)) events_->SetEnded();
}

Job::~Job() {
  Suspend();
  Wait();
}

void Job::Wait() {
  if (activity_) activity_->Join();
}

void Job::Start() {
  started_ = true;
  const bool paused = state_ == v1::PAUSED;
  context_.dispatcher.PauseJob(id_, paused);  // a life before may have ended while it was paused
  if (paused) clock_.Pause(true);
  activity_ = context_.activities.Make([this] { return Step(); });
  activity_->Wake();
}

// ---- run ---------------------------------------------------------------------------------------

std::optional<double> Job::Step() {
  if (!run_) {
    if (const absl::Status status = Begin(); !status.ok()) {
      run_.reset();
      // A job of days shall not end because the store was away for a moment.
      return IsAway(status) && !stop_.stop_requested() ? kStorePause : End(status);
    }
  }
  if (!suspended_ && revoked_.exchange(false)) FindRevoked();
  if (!suspended_) WithdrawRevoked();
  if (run_->tuning->Step()) return std::chrono::duration<double>(Tuning::kPatience).count();
  context_.dispatcher.CancelJob(id_);  // what the loop abandoned
  // If the job goes on some day, a number means one trial still.
  if (!suspended_) run_->tuning->TakeRest();
  return End(run_->tuning->Result());
}

// Seconds after which to try again, when the store is away.
std::optional<double> Job::End(const absl::StatusOr<TuneResult>& result) {
  if (!suspended_) {
    if (!CountSteps()) return kStorePause;
    v1::JobEvent last = result.ok()
                            ? EndOf(*result)
                            : StateEvent(v1::FAILED, std::string(result.status().message()));
    if (!result.ok() && stop_.stop_requested()) last = StateEvent(v1::CANCELLED, "");
    if (last.state() == v1::DONE) TimeNetwork(result->seconds, &last);
    if (!suspended_) ChangeState(last);
  }
  run_.reset();
  tasks_.clear();
  if (replaying_) replayed_.set_value();  // as far as it will be
  over_.set_value();
  return std::nullopt;
}

// The last phase, after so many seconds of the job. What is not decided is decided by the next
// server, from the start.
void Job::TimeNetwork(double seconds, v1::JobEvent* last) {
  const double left = spec_.time_seconds() - seconds;
  const absl::StatusOr<v1::NetworkResult> result =
      RunNetworkPhase({.spec = spec_,
                       .job = id_,
                       .owner = owner_,
                       .weight = row_.weight,
                       .dispatcher = context_.dispatcher,
                       .recorder = context_.recorder,
                       .store = context_.store,
                       .activities = context_.activities,
                       .clock = clock_,
                       .deadline = spec_.time_seconds() > 0 ? clock_.Now() + left : 0,
                       .stop = stop_.get_token(),
                       .begins = [this] { Announce("timing the whole network"); }});
  if (!result.ok()) {
    last->set_state(v1::CANCELLED);
  } else {
    last->set_network(result->SerializeAsString());
  }
}

// When the replay did not come to its end (cancelled, or not readable): the journal goes on behind
// what is there, and what it tells counts as far as it decodes. False when the store is away.
bool Job::CountSteps() {
  std::lock_guard lock(mutex_);
  if (!replaying_) return true;
  const absl::Status read = context_.store.ForEachStep(id_, 1, [this](const JobStepRow& row) {
    last_step_ = row.step;
    return true;
  });
  if (!read.ok()) return false;
  absl::StatusOr<JournalReader> reader =
      JournalReader::Open(context_.store, id_, /*leftover=*/false);
  if (!reader.ok()) return !IsAway(reader.status());
  row_.trials = row_.failures = 0;
  for (JournalEntry entry; reader->Next(&entry);) {
    if (!entry.step || entry.step->kind != TuneStep::Kind::kResult) continue;
    ++row_.trials;
    row_.failures += std::holds_alternative<Failure>(entry.step->measured.outcome);
  }
  return !IsAway(reader->status());
}

absl::Status Job::Begin() {
  {
    std::lock_guard lock(mutex_);
    row_.trials = row_.failures = 0;  // the replay counts them again
    curves_ = {};
  }
  TW_ASSIGN_OR_RETURN(tasks_, MakeJobTasks(spec_, row_, context_.store,
                                           /*with_searchers=*/true));
  TW_ASSIGN_OR_RETURN(JournalReader reader, JournalReader::Open(context_.store, id_,
                                                                /*leftover=*/true));
  run_ = std::unique_ptr<Run>(new Run{.reader = std::move(reader),
                                      .measurer = {context_.dispatcher,
                                                   {.job = id_,
                                                    .device_key = spec_.key(),
                                                    .owner = owner_,
                                                    .weight = row_.weight,
                                                    .options = MeasureOptionsOf(spec_)}}});
  for (const auto& task : tasks_) run_->measurer.NoteBest(task->task, task->BestSeconds());
  TuneJob job = MakeTuneJob(spec_, tasks_);
  job.callbacks.trial = [this](const TuneEvent& event) {
    const std::optional<double> seconds = MedianSeconds(event.trial.outcome);
    if (event.replayed) {
      ++run_->told;
      if (seconds) run_->measurer.NoteBest(tasks_[event.item]->task, *seconds);
    }
    OnTrial(event);
  };
  job.callbacks.steps = [this](std::span<const TuneStep> steps) { OnSteps(steps); };
  job.stop = stop_.get_token();
  job.replay = [this](TuneStep* step) { return ReplayNext(step); };
  run_->tuning = std::make_unique<Tuning>(std::move(job), run_->measurer, clock_,
                                          [activity = activity_] { activity->Wake(); });
  run_->tuning->Begin();
  return run_->reader.status();
}

bool Job::ReplayNext(TuneStep* step) {
  JournalEntry entry;
  while (!suspended_ && run_->reader.Next(&entry)) {
    if (!entry.step) {
      ++run_->told;
      continue;
    }
    seconds_ = std::max(seconds_, entry.step->seconds);
    if (entry.step->kind == TuneStep::Kind::kWithdrawn) run_->withdrawn.insert(entry.step->number);
    *step = *std::move(entry.step);
    return true;
  }
  if (!suspended_ && run_->reader.status().ok()) EndReplay();
  return false;
}

// From here on things happen that are not in the journal yet.
void Job::EndReplay() {
  const JournalReader& reader = run_->reader;
  std::unique_lock lock(mutex_);
  replaying_ = false;
  last_step_ = reader.last_row();
  std::vector<JobStepRow> rows;
  if (!reader.leftovers().empty()) rows.push_back(EncodeSteps(reader.leftovers()));
  Number(&rows);
  context_.recorder.StoreSteps(std::move(rows), {},
                               [events = events_, told = run_->told] { events->SetCount(told); });
  const bool first = state_ == v1::QUEUED;
  lock.unlock();
  if (first) ChangeState(StateEvent(v1::RUNNING, ""));
  replayed_.set_value();
}

// Reads which revoked records count; in a later step where the store is away.
void Job::FindRevoked() {
  std::map<std::pair<std::string, std::string>, size_t> items;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    items[{tasks_[i]->task.workload.Key(), tasks_[i]->task.template_name}] = i;
  }
  const auto note = [&](const Record& record) {
    const auto item = items.find({record.task.workload.Key(), record.task.template_name});
    const bool counts = item != items.end() && record.index < tasks_[item->second]->space.size() &&
                        !run_->withdrawn.contains(record.trial);
    if (counts) run_->to_withdraw[record.trial] = {item->second, record.index};
    return true;
  };
  if (!context_.store.ForEach({.job = id_, .revoked = true}, note).ok()) revoked_ = true;
}

// A trial whose other attempt is under way has to wait for its end.
void Job::WithdrawRevoked() {
  std::erase_if(run_->to_withdraw, [this](const auto& entry) {
    const auto& [trial, place] = entry;
    if (!run_->tuning->Withdraw(trial, place.first, place.second)) return false;
    run_->withdrawn.insert(trial);
    return true;
  });
}

// REQUIRES: mutex_ is held.
void Job::Number(std::vector<JobStepRow>* rows) {
  for (JobStepRow& row : *rows) {
    row.job = id_;
    row.step = ++last_step_;
  }
}

// ---- what happens ------------------------------------------------------------------------------

void Job::OnTrial(const TuneEvent& event) {
  v1::JobEvent message;
  message.set_state(v1::RUNNING);
  message.set_model_seconds(event.model_seconds.value_or(0));
  *message.mutable_trial() = TrialEventOf(event, tasks_[event.item]->task.workload.Key());
  std::lock_guard lock(mutex_);
  ++row_.trials;
  if (message.model_seconds() > 0) row_.model_seconds = message.model_seconds();
  curves_.Add(message);
  if (!message.trial().failure().empty()) {
    ++row_.failures;
    last_failure_ = absl::StrCat(message.trial().failure(), ": ", message.trial().message());
  }
  if (!event.replayed) untold_.push_back(std::move(message));
}

// Steps and the events of their results together, so that both have one order.
void Job::OnSteps(std::span<const TuneStep> steps) {
  std::lock_guard lock(mutex_);
  seconds_ = std::max(seconds_, steps.back().seconds);
  std::vector<JobStepRow> rows = {EncodeSteps(steps)};
  Number(&rows);
  context_.recorder.StoreSteps(std::move(rows), {},
                               [events = events_, told = std::exchange(untold_, {})]() mutable {
                                 for (v1::JobEvent& event : told) events->Add(std::move(event));
                               });
}

void Job::ChangeState(v1::JobEvent event) {
  std::lock_guard lock(mutex_);
  if (!IsEnd(state_)) StoreState(std::move(event));
}

// What it does now, unless it is paused. What nobody may take is not begun.
void Job::Announce(const std::string& message) {
  std::lock_guard lock(mutex_);
  if (state_ == v1::PAUSED) context_.dispatcher.PauseJob(id_, true);  // forgotten with its trials
  if (state_ == v1::RUNNING) StoreState(StateEvent(v1::RUNNING, message));
}

// REQUIRES: mutex_ is held.
void Job::StoreState(v1::JobEvent event) {
  state_ = event.state();
  row_.state = WordOf(state_);
  row_.message = event.message();
  row_.changed = context_.clock.UnixTime();
  if (IsEnd(state_)) row_.result = event.SerializeAsString();
  LogState();
  std::vector<JobStepRow> rows = {EncodeState(row_.state, row_.message, seconds_)};
  Number(&rows);
  context_.recorder.StoreSteps(std::move(rows), {row_},
                               [events = events_, counted = !replaying_, event = std::move(event),
                                id = id_, state = row_.state, on_end = context_.on_end]() mutable {
                                 if (!counted) return events->SetEnded();
                                 const bool last = IsEnd(event.state());
                                 if (last && on_end) on_end(id, state, event.message());
                                 events->Add(std::move(event));
                                 if (last) events->Shrink();
                               });
}

// REQUIRES: mutex_ is held.
void Job::LogState() const {
  const LogFields fields = {{"job", id_},
                            {"owner", owner_},
                            {"key", spec_.key()},
                            {"trials", row_.trials},
                            {"failed", row_.failures},
                            {"reason", row_.message}};
  const std::string told = absl::StrCat("job ", row_.state);
  state_ == v1::FAILED ? context_.log.Warn(told, fields) : context_.log.Info(told, fields);
}

v1::JobEvent Job::EndOf(const TuneResult& result) const {
  v1::JobEvent last;
  last.set_model_seconds(result.model_seconds.value_or(0));
  bool any = false;
  size_t trials = 0;
  for (size_t i = 0; i < result.items.size(); ++i) {
    const TuneItemResult& item = result.items[i];
    trials += item.trials;
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
  const bool farm = result.end == TuneEnd::kFarm || (result.faults > 0 && trials == 0);
  last.set_state(any && !farm ? v1::DONE : v1::FAILED);
  if (result.end == TuneEnd::kCancelled) last.set_state(v1::CANCELLED);
  if (last.state() != v1::FAILED) return last;
  std::lock_guard lock(mutex_);
  if (farm) {
    last.set_message("the workers could not measure; the last reason: " + result.last_fault);
  } else if (trials == 0) {
    last.set_message(absl::StrCat("nothing was measured in the time: no worker of the key \"",
                                  spec_.key(), "\" was free"));
  } else {
    last.set_message("no kernel could be measured; the last failure: " + last_failure_);
  }
  return last;
}

// ---- control -----------------------------------------------------------------------------------

void Job::Cancel() {
  stop_.request_stop();
  if (activity_) activity_->Wake();
}

void Job::NoteRevoked() {
  revoked_ = true;
  if (activity_) activity_->Wake();
}

void Job::Suspend() {
  suspended_ = true;
  Cancel();
  events_->Close();
}

absl::Status Job::Pause(bool paused) {
  {
    std::lock_guard lock(mutex_);
    if (IsEnd(state_)) {
      return absl::FailedPreconditionError(absl::StrCat("job ", id_, " has ended: ", row_.state));
    }
    if (replaying_) return absl::UnavailableError("the server is reading the job; try again");
    if ((state_ == v1::PAUSED) == paused) return absl::OkStatus();
  }
  context_.dispatcher.PauseJob(id_, paused);
  clock_.Pause(paused);
  const v1::JobState state = paused ? v1::PAUSED : v1::RUNNING;
  ChangeState(StateEvent(state, ""));
  return absl::OkStatus();
}

}  // namespace tilewright
