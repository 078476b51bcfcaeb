#include "tuner/loop/tune.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>

#include "base/check.h"
#include "tuner/loop/allocate.h"
#include "tuner/loop/task_state.h"

namespace tilewright {
namespace {

struct Arrival {
  size_t item;
  Trial trial;
  Measured measured;
};

// Where measurements arrive, from any thread. Shared with the callbacks, so that one that comes
// after the job was cancelled finds it alive.
class Inbox {
 public:
  void Put(Arrival arrival) {
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(arrival));
    changed_.notify_one();
  }
  // Waits for something; empty when `stop` was requested and nothing is there.
  std::deque<Arrival> TakeAll(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [this] { return !arrivals_.empty(); });
    return std::exchange(arrivals_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Arrival> arrivals_;
};

class Tuning {
 public:
  Tuning(TuneJob job, Measurer& measurer, const Clock& clock)
      : budget_(job.budget),
        callbacks_(std::move(job.callbacks)),
        stop_(job.stop),
        measurer_(measurer),
        clock_(clock),
        start_(clock.Now()) {
    TW_CHECK(!job.items.empty()) << "a job without tasks";
    for (TuneItem& item : job.items) {
      tasks_.emplace_back(std::move(item));
      spent_ += tasks_.back().trials();
    }
    ends_.resize(tasks_.size());
    reported_.resize(tasks_.size());
    for (size_t i = 0; i < tasks_.size(); ++i) CloseIfDone(i);
  }

  TuneResult Run() {
    const size_t kept = budget_.confirmations > 0 ? KeptForConfirmations() : 0;
    limit_ = budget_.trials - kept;
    Search();
    if (budget_.confirmations > 0) Confirm();
    limit_ = budget_.trials;
    if (kept > 0) Search();  // what the confirmations left
    return Result();
  }

 private:
  bool Open(size_t item) const { return !ends_[item]; }

  std::optional<TuneEnd> JobEnd() const {
    if (stop_.stop_requested()) return TuneEnd::kCancelled;
    if (budget_.trials > 0 && spent_ + in_flight_ >= limit_) return TuneEnd::kBudget;
    if (budget_.seconds > 0 && clock_.Now() - start_ >= budget_.seconds) return TuneEnd::kTime;
    return std::nullopt;
  }

  // Starts measurements until enough are outstanding or there is nothing to start.
  void Fill() {
    while (in_flight_ < measurer_.PreferredInFlight() && !JobEnd()) {
      const std::optional<size_t> item = CurrentItem();
      if (!item) return;
      const std::optional<uint64_t> index = tasks_[*item].Next();
      if (index) {
        Start(*item, *index);
      } else {
        Close(*item, TuneEnd::kExhausted);
      }
    }
  }

  void Search() {
    while (!stop_.stop_requested()) {
      Fill();
      if (in_flight_ == 0) return;
      for (Arrival& arrival : inbox_->TakeAll(stop_)) Accept(arrival);
    }
  }

  size_t KeptForConfirmations() const {
    constexpr size_t kShare = 8, kPerTask = 4;
    return std::min(budget_.trials / kShare, kPerTask * tasks_.size());
  }

  // Measures the bests again, the one that matters most for the network first; one at a time in
  // each task, because the result decides what is the best.
  void Confirm() {
    std::vector<size_t> order(tasks_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto share = [this](size_t i) {
      return tasks_[i].item().weight * tasks_[i].best_seconds().value_or(0);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return share(a) > share(b); });
    while (!stop_.stop_requested()) {
      for (const size_t i : order) {
        const bool spent = budget_.trials > 0 && spent_ + in_flight_ >= budget_.trials;
        if (spent || in_flight_ >= measurer_.PreferredInFlight()) break;
        if (tasks_[i].in_flight() > 0) continue;
        const std::optional<uint64_t> index = tasks_[i].NextConfirmation(budget_.confirmations);
        if (index) Start(i, *index);
      }
      if (in_flight_ == 0) return;
      for (const Arrival& arrival : inbox_->TakeAll(stop_)) AcceptConfirmation(arrival);
    }
  }

  void AcceptConfirmation(const Arrival& arrival) {
    --in_flight_;
    ++spent_;
    tasks_[arrival.item].FinishConfirmation(arrival.trial);
    Report(arrival);
  }

  // The task of this round, or of the next one.
  std::optional<size_t> CurrentItem() {
    if (round_left_ == 0 || !Open(round_item_)) {
      std::vector<bool> open;
      for (size_t i = 0; i < tasks_.size(); ++i) open.push_back(Open(i));
      const std::optional<size_t> item = PickTask(tasks_, open, FirstRound());
      if (!item) return std::nullopt;
      round_item_ = *item;
      const size_t started = tasks_[*item].started(), first = FirstRound();
      round_left_ = started < first ? std::min(kRoundTrials, first - started) : kRoundTrials;
    }
    --round_left_;
    return round_item_;
  }

  // Trials each task gets before they compete; less when the budget is small.
  size_t FirstRound() const {
    const size_t wish = 2 * kRoundTrials;
    return budget_.trials == 0 ? wish : std::min(wish, budget_.trials / tasks_.size());
  }

  void Start(size_t item, uint64_t index) {
    ++in_flight_;
    const TuneItem& what = tasks_[item].item();
    Trial trial{what.space->At(index), index, {}};
    Config config = trial.config;
    auto done = [inbox = inbox_, item, trial = std::move(trial)](Measured measured) mutable {
      trial.outcome = measured.outcome;
      inbox->Put({item, std::move(trial), std::move(measured)});
    };
    measurer_.Measure(what.task, config, std::move(done));
  }

  void Accept(const Arrival& arrival) {
    TaskState& task = tasks_[arrival.item];
    --in_flight_;
    ++spent_;
    task.Finish(arrival.trial);
    Report(arrival);
    CloseIfDone(arrival.item);
    ReportEnd(arrival.item);
  }

  void Report(const Arrival& arrival) const {
    if (!callbacks_.trial) return;
    const TaskState& task = tasks_[arrival.item];
    const std::optional<double> seconds = MedianSeconds(arrival.trial.outcome);
    callbacks_.trial({.item = arrival.item,
                      .item_count = tasks_.size(),
                      .trial = arrival.trial,
                      .measured = arrival.measured,
                      .current_flops = seconds ? task.item().flops / *seconds : 0,
                      .best_flops = task.best_flops(),
                      .item_trials = task.trials(),
                      .trials = spent_,
                      .trials_total = budget_.trials,
                      .seconds = clock_.Now() - start_,
                      .model_seconds = ModelSeconds()});
  }

  void CloseIfDone(size_t item) {
    const TaskState& task = tasks_[item];
    if (budget_.early_stopping > 0 && task.TrialsSinceBest() >= budget_.early_stopping) {
      Close(item, TuneEnd::kEarlyStopping);
    } else if (tasks_.size() > 1 && !task.best() && task.trials() >= kHopelessTrials) {
      Close(item, TuneEnd::kNoSuccess);
    }
  }

  void Close(size_t item, TuneEnd why) {
    if (Open(item)) ends_[item] = why;
    ReportEnd(item);
  }

  // Once, after the last result of a closed task.
  void ReportEnd(size_t item) {
    if (Open(item) || reported_[item] || tasks_[item].in_flight() > 0) return;
    reported_[item] = true;
    if (callbacks_.item_done) callbacks_.item_done(item, *ends_[item]);
  }

  std::optional<double> ModelSeconds() const {
    double sum = 0;
    for (const TaskState& task : tasks_) {
      if (!task.best_seconds()) return std::nullopt;
      sum += task.item().weight * *task.best_seconds();
    }
    return sum;
  }

  TuneResult Result() {
    TuneResult result{.end = JobEnd().value_or(ends_[0].value_or(TuneEnd::kExhausted)),
                      .model_seconds = ModelSeconds()};
    for (size_t i = 0; i < tasks_.size(); ++i) {
      if (Open(i)) ends_[i] = result.end;
      if (!reported_[i] && callbacks_.item_done) callbacks_.item_done(i, *ends_[i]);
      const TaskState& task = tasks_[i];
      result.items.push_back({task.trials(), task.failures(), task.best(), *ends_[i]});
    }
    return result;
  }

  const TuneBudget budget_;
  const TuneCallbacks callbacks_;
  const std::stop_token stop_;
  Measurer& measurer_;
  const Clock& clock_;
  const double start_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<TaskState> tasks_;
  std::vector<std::optional<TuneEnd>> ends_;  // of closed tasks
  std::vector<bool> reported_;
  size_t spent_ = 0, in_flight_ = 0;
  size_t limit_ = 0;  // trials that the search may spend now
  size_t round_item_ = 0, round_left_ = 0;
};

}  // namespace

std::string_view NameOf(TuneEnd end) {
  switch (end) {
    case TuneEnd::kBudget: return "budget";
    case TuneEnd::kTime: return "time";
    case TuneEnd::kEarlyStopping: return "early_stopping";
    case TuneEnd::kExhausted: return "exhausted";
    case TuneEnd::kNoSuccess: return "no_success";
    case TuneEnd::kCancelled: return "cancelled";
  }
  return "unknown";
}

TuneResult TuneModel(TuneJob job, Measurer& measurer, const Clock& clock) {
  return Tuning(std::move(job), measurer, clock).Run();
}

}  // namespace tilewright
