#include "tuner/loop/tuning.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "tuner/loop/allocate.h"

namespace tilewright {
namespace {

// Trials in a row that the farm could not measure, each on several workers, after which the job
// ends: somebody has to look.
constexpr size_t kMostFaultsInARow = 8;
// Of the budget, in trials or seconds, what is kept for confirmations at most.
constexpr size_t kConfirmShare = 8;

}  // namespace

Tuning::Tuning(TuneJob job, Measurer& measurer, const Clock& clock, std::function<void()> arrived)
    : budget_(job.budget),
      callbacks_(std::move(job.callbacks)),
      stop_(job.stop),
      replay_(std::move(job.replay)),
      measurer_(measurer),
      clock_(clock),
      arrived_(std::move(arrived)),
      start_(clock.Now()) {
  TW_CHECK(!job.items.empty()) << "a job without tasks";
  for (TuneItem& item : job.items) {
    diverged_ = diverged_ || !item.searcher;
    tasks_.emplace_back(std::move(item));
  }
  ends_.resize(tasks_.size());
  model_seconds_ = ModelSeconds();
  EnterPhase(Phase::kSearch);
}

TuneResult Tuning::Run() {
  Begin();
  while (Step()) inbox_->Wait(stop_, kPatience);
  return Result();
}

void Tuning::Begin() {
  if (replay_) Replay();
  start_ -= replay_seconds_;
  for (const auto& [number, running] : running_) to_launch_.push_back(number);
}

bool Tuning::Step() {
  for (const Arrival& arrival : inbox_->TakeAll()) Accept(arrival);
  while (phase_ != Phase::kOver && !Fill()) NextPhase();
  if (phase_ == Phase::kOver) {
    Tell();
    return false;
  }
  if (OutOfTime(SecondsKept())) measurer_.DropWaiting();
  return true;
}

void Tuning::TakeRest() {
  for (const Arrival& arrival : inbox_->TakeAll()) Accept(arrival);
  Tell();
}

// ---- time --------------------------------------------------------------------------------------

double Tuning::Seconds() const { return replaying_ ? replay_seconds_ : clock_.Now() - start_; }

bool Tuning::OutOfTime(double kept) const {
  return budget_.seconds > 0 && Seconds() >= budget_.seconds - kept;
}

// As long as the confirmations that are likely to be needed take at the pace so far.
double Tuning::SecondsKept() const {
  if (phase_ != Phase::kSearch || budget_.confirmations == 0 || budget_.seconds <= 0) return 0;
  const double most = budget_.seconds / kConfirmShare;
  const size_t needed = (budget_.confirmations - 1) * tasks_.size();
  if (spent_ == 0) return most;
  return std::min(most, Seconds() / static_cast<double>(spent_) * static_cast<double>(needed));
}

std::optional<TuneEnd> Tuning::JobEnd() const {
  if (stop_.stop_requested()) return TuneEnd::kCancelled;
  if (faults_in_a_row_ >= kMostFaultsInARow) return TuneEnd::kFarm;
  if (budget_.trials > 0 && spent_ + running_.size() >= limit_) return TuneEnd::kBudget;
  if (OutOfTime(SecondsKept())) return TuneEnd::kTime;
  return std::nullopt;
}

bool Tuning::MayConfirm() const {
  const bool spent = budget_.trials > 0 && spent_ + running_.size() >= budget_.trials;
  return !spent && faults_in_a_row_ < kMostFaultsInARow && !OutOfTime(0);
}

// ---- phases ------------------------------------------------------------------------------------

size_t Tuning::KeptForConfirmations() const {
  constexpr size_t kPerTask = 4;
  if (budget_.confirmations == 0) return 0;
  return std::min(budget_.trials / kConfirmShare, kPerTask * tasks_.size());
}

// The one that matters most for the network first.
std::vector<size_t> Tuning::ConfirmationOrder() const {
  std::vector<size_t> order(tasks_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto share = [this](size_t i) {
    return tasks_[i].item().weight * tasks_[i].best_seconds().value_or(0);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return share(a) > share(b); });
  return order;
}

void Tuning::EnterPhase(Phase phase) {
  phase_ = phase;
  limit_ = phase == Phase::kSearch ? budget_.trials - KeptForConfirmations() : budget_.trials;
  if (phase == Phase::kConfirm) confirm_order_ = ConfirmationOrder();
}

// Starts what this phase has to start; false when it is over.
bool Tuning::Fill() {
  if (stop_.stop_requested() || OutOfTime(0)) return false;
  phase_ == Phase::kConfirm ? FillConfirm() : FillSearch();
  Launch();
  return !running_.empty();
}

void Tuning::NextPhase() {
  const bool rest = KeptForConfirmations() > 0;  // there may be trials that they left
  const bool over = stop_.stop_requested() || OutOfTime(0);
  if (over) return EnterPhase(Phase::kOver);
  if (phase_ == Phase::kRest && !std::exchange(confirms_again_, false)) {
    return EnterPhase(Phase::kOver);
  }
  if (phase_ == Phase::kConfirm) return EnterPhase(rest ? Phase::kRest : Phase::kOver);
  EnterPhase(budget_.confirmations > 0 ? Phase::kConfirm : Phase::kOver);
}

void Tuning::FillSearch() {
  const size_t wanted = measurer_.PreferredInFlight();
  while (running_.size() < wanted && !JobEnd()) {
    const std::optional<Running> next = NextOfSearch();
    if (!next) return;
    Started(*next);
  }
}

// One at a time in each task, because the result decides what is the best.
void Tuning::FillConfirm() {
  const size_t wanted = measurer_.PreferredInFlight();
  for (const size_t i : confirm_order_) {
    if (!MayConfirm() || running_.size() >= wanted) return;
    if (tasks_[i].in_flight() > 0) continue;
    const std::optional<uint64_t> index = tasks_[i].NextConfirmation(budget_.confirmations);
    if (index) Started({i, *index, true});
  }
}

// ---- starts ------------------------------------------------------------------------------------

std::optional<Tuning::Running> Tuning::NextOfSearch() {
  while (const std::optional<size_t> item = CurrentItem()) {
    const std::optional<uint64_t> index = tasks_[*item].Next();
    if (index) return Running{*item, *index, false};
    ends_[*item] = TuneEnd::kExhausted;
  }
  return std::nullopt;
}

// One to which a point was withdrawn; else the task of this round, or of the next one.
std::optional<size_t> Tuning::CurrentItem() {
  for (size_t i = 0; has_withdrawn_ && i < tasks_.size(); ++i) {
    if (tasks_[i].owes()) return i;
  }
  for (const size_t i : std::exchange(touched_, {})) CloseIfDone(i);
  if (round_left_ == 0 || !Open(round_item_)) {
    std::vector<bool> open;
    for (size_t i = 0; i < tasks_.size(); ++i) open.push_back(Open(i));
    const size_t first = FirstRound();
    const std::optional<size_t> item = PickTask(tasks_, open, first);
    if (!item) return std::nullopt;
    round_item_ = *item;
    const size_t started = tasks_[*item].started();
    round_left_ = started < first ? std::min(kRoundTrials, first - started) : kRoundTrials;
  }
  --round_left_;
  return round_item_;
}

// Trials each task gets before they compete; less when the budget is small. One, the default, of
// every task comes before all others, so that even the shortest search has seen them.
size_t Tuning::FirstRound() const {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (Open(i) && tasks_[i].started() == 0) return 1;
  }
  const size_t wish = 2 * kRoundTrials;
  return budget_.trials == 0 ? wish : std::min(wish, budget_.trials / tasks_.size());
}

void Tuning::Started(const Running& running) {
  const uint64_t number = ++last_number_;
  running_[number] = running;
  if (replaying_) return;
  to_launch_.push_back(number);
  told_.push_back({.kind = running.confirms ? TuneStep::Kind::kConfirm : TuneStep::Kind::kStart,
                   .number = number,
                   .item = running.item,
                   .index = running.index,
                   .seconds = Seconds()});
}

void Tuning::Launch() {
  Tell();
  for (const uint64_t number : std::exchange(to_launch_, {})) Measure(number);
}

void Tuning::Tell() {
  if (!told_.empty() && callbacks_.steps) callbacks_.steps(told_);
  told_.clear();
}

void Tuning::Measure(uint64_t number) {
  const Running& running = running_.at(number);
  const TuneItem& what = tasks_[running.item].item();
  const Config config = what.space->At(running.index);
  measurer_.Measure({what.task, config, running.index, number},
                    [inbox = inbox_, arrived = arrived_, number](Measured measured) {
                      inbox->Put({number, std::move(measured)});
                      if (arrived) arrived();
                    });
}

// ---- ends --------------------------------------------------------------------------------------

void Tuning::Accept(const Arrival& arrival) {
  const auto it = running_.find(arrival.number);
  if (it == running_.end()) return;
  const Running running = it->second;
  running_.erase(it);
  const Measured& measured = arrival.measured;
  const bool result = measured.fault.empty() && !measured.dropped;
  if (!replaying_) {
    told_.push_back({.kind = result ? TuneStep::Kind::kResult : TuneStep::Kind::kUnmeasured,
                     .number = arrival.number,
                     .measured = measured,
                     .seconds = Seconds()});
  }
  if (!result) unmeasured_.insert(arrival.number);
  result ? AcceptResult(running, measured) : AcceptNoResult(running, measured);
}

void Tuning::AcceptResult(const Running& running, const Measured& measured) {
  TaskState& task = tasks_[running.item];
  const Trial trial{task.item().space->At(running.index), running.index, measured.outcome};
  ++spent_;
  faults_in_a_row_ = 0;
  const std::optional<double> best = task.best_seconds();
  running.confirms ? task.FinishConfirmation(trial) : task.Finish(trial);
  touched_.push_back(running.item);
  if (task.best_seconds() != best) model_seconds_ = ModelSeconds();
  Report(running, trial, measured);
}

void Tuning::AcceptNoResult(const Running& running, const Measured& measured) {
  TaskState& task = tasks_[running.item];
  running.confirms ? task.GiveUpConfirmation() : task.GiveUp(running.index);
  if (measured.fault.empty()) return;
  last_fault_ = measured.fault;
  if (replaying_) return;  // it may have been mended
  ++faults_;
  ++faults_in_a_row_;
}

void Tuning::Report(const Running& running, const Trial& trial, const Measured& measured) const {
  if (!callbacks_.trial) return;
  const TaskState& task = tasks_[running.item];
  const std::optional<double> seconds = MedianSeconds(trial.outcome);
  callbacks_.trial({.item = running.item,
                    .item_count = tasks_.size(),
                    .trial = trial,
                    .measured = measured,
                    .current_flops = seconds ? task.item().flops / *seconds : 0,
                    .best_flops = task.best_flops(),
                    .item_trials = task.trials(),
                    .trials = spent_,
                    .trials_total = budget_.trials,
                    .seconds = Seconds(),
                    .model_seconds = model_seconds_,
                    .replayed = replaying_});
}

bool Tuning::Withdraw(uint64_t number, size_t item, uint64_t index) {
  if (running_.contains(number) || phase_ == Phase::kOver) return false;
  if (unmeasured_.contains(number)) return true;
  told_.push_back({.kind = TuneStep::Kind::kWithdrawn,
                   .number = number,
                   .item = item,
                   .index = index,
                   .seconds = Seconds()});
  TakeBackResult(item, index);
  return true;
}

// The task may have been closed by it, and its best confirmed.
void Tuning::TakeBackResult(size_t item, uint64_t index) {
  tasks_[item].Withdraw(index);
  ends_[item].reset();
  touched_.push_back(item);
  has_withdrawn_ = true;
  model_seconds_ = ModelSeconds();
  if (budget_.trials > 0) {
    ++budget_.trials;
    ++limit_;
  }
  if (phase_ == Phase::kSearch) return;
  confirms_again_ = budget_.confirmations > 0;
  EnterPhase(Phase::kRest);
}

void Tuning::CloseIfDone(size_t item) {
  const TaskState& task = tasks_[item];
  if (!Open(item)) return;
  if (budget_.early_stopping > 0 && task.TrialsSinceBest() >= budget_.early_stopping) {
    ends_[item] = TuneEnd::kEarlyStopping;
  } else if (tasks_.size() > 1 && !task.best_seconds() && task.known() >= kHopelessTrials) {
    ends_[item] = TuneEnd::kNoSuccess;
  }
}

std::optional<double> Tuning::ModelSeconds() const {
  double sum = 0;
  for (const TaskState& task : tasks_) {
    if (!task.best_seconds()) return std::nullopt;
    sum += task.item().weight * *task.best_seconds();
  }
  return sum;
}

TuneResult Tuning::Result() {
  TuneResult result{.end = JobEnd().value_or(ends_[0].value_or(TuneEnd::kExhausted)),
                    .model_seconds = model_seconds_,
                    .faults = faults_,
                    .last_fault = last_fault_,
                    .seconds = Seconds()};
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const TaskState& task = tasks_[i];
    result.items.push_back(
        {task.trials(), task.failures(), task.best(), ends_[i].value_or(result.end)});
  }
  return result;
}

}  // namespace tilewright
