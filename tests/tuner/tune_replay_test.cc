// A job that was interrupted goes on as if nothing had happened.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/contract/landscape.h"
#include "tuner/loop/tune.h"
#include "tuner/loop/tuning.h"

namespace tilewright {
namespace {

class StillClock final : public Clock {
 public:
  double Now() const override { return now; }
  double UnixTime() const override { return 0; }
  double now = 0;
};

// Answers one measurement whenever `width` are waiting, the oldest or the newest in turn, so that
// results come out of order, and one now and then when nothing more comes; ends the job by `stop`
// after `most` answers.
class StepMeasurer final : public Measurer {
 public:
  StepMeasurer(size_t width, size_t most, std::stop_source stop)
      : width_(width), most_(most), stop_(std::move(stop)) {}

  void Measure(const MeasureRequest& request, Done done) override {
    const std::lock_guard lock(mutex_);
    started.push_back({request.task.template_name, request.index});
    waiting_.push_back([config = request.config, done] {
      done({.outcome = LandscapeOutcome(config), .worker = "w"});
    });
    if (answered_ == most_) stop_.request_stop();  // the server is being killed
    if (waiting_.size() >= width_) AnswerOne();
  }
  size_t PreferredInFlight() const override { return width_; }

  std::vector<std::pair<std::string, uint64_t>> started;

 private:
  // REQUIRES: mutex_ is held.
  void AnswerOne() {
    if (answered_ == most_ || waiting_.empty()) return;
    const bool oldest = answered_ % 2 == 0;
    const auto answer = oldest ? waiting_.front() : waiting_.back();
    oldest ? waiting_.pop_front() : waiting_.pop_back();
    if (++answered_ == most_) stop_.request_stop();
    answer();
  }

  const size_t width_, most_;
  std::stop_source stop_;
  std::mutex mutex_;
  size_t answered_ = 0;
  std::deque<std::function<void()>> waiting_;
  std::jthread idle_{[this](const std::stop_token& over) {
    while (!over.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::lock_guard lock(mutex_);
      AnswerOne();
    }
  }};
};

struct Life {
  std::vector<std::pair<std::string, uint64_t>> started;
  std::vector<TuneStep> steps;  // of this life
  std::vector<uint64_t> events;
  TuneResult result;
  std::string diverged;
};

// One life of a job of two tasks; `most` results, or up to its end.
Life Live(const std::vector<TuneStep>& earlier, size_t most, const std::string& strategy,
          uint64_t seed = 1) {
  const ConfigSpace space = LandscapeSpace();
  std::vector<std::unique_ptr<Searcher>> searchers;
  TuneJob job{.budget = {.trials = 60, .seconds = 1e9, .confirmations = 3}};
  for (const char* name : {"a", "b"}) {
    searchers.push_back(MakeSearcher(strategy, {.space = space, .seed = seed}).value());
    TuneItem item{.space = &space, .searcher = searchers.back().get(), .flops = 1e6};
    item.task.template_name = name;
    item.task.workload.op = "conv2d";
    item.seeds = {7};
    job.items.push_back(std::move(item));
  }
  Life life;
  std::stop_source stop;
  StepMeasurer measurer(3, most, stop);
  job.stop = stop.get_token();
  job.callbacks.steps = [&](std::span<const TuneStep> steps) {
    life.steps.insert(life.steps.end(), steps.begin(), steps.end());
  };
  job.callbacks.trial = [&](const TuneEvent& event) { life.events.push_back(event.trial.index); };
  job.callbacks.diverged = [&](const std::string& what) { life.diverged = what; };
  job.replay = [&, at = size_t{0}](TuneStep* step) mutable {
    if (at == earlier.size()) return false;
    *step = earlier[at++];
    return true;
  };
  life.result = TuneModel(std::move(job), measurer, StillClock());
  life.started = measurer.started;
  return life;
}

std::vector<uint64_t> Starts(const std::vector<TuneStep>& steps) {
  std::vector<uint64_t> starts;
  for (const TuneStep& step : steps) {
    const bool start = step.kind == TuneStep::Kind::kStart || step.kind == TuneStep::Kind::kConfirm;
    if (start) starts.push_back(step.item * 1'000'000 + step.index);
  }
  return starts;
}

class TuneReplay : public ::testing::TestWithParam<const char*> {};

// What a job proposes depends only on the order of its results: an uninterrupted life, told up to
// any point, continues as it did.
TEST_P(TuneReplay, AfterAnyNumberOfStepsTheSameProposalsFollow) {
  const Life whole = Live({}, 1000, GetParam());
  ASSERT_GT(whole.steps.size(), 60u);
  for (size_t cut = 0; cut <= whole.steps.size(); cut += 7) {
    const std::vector<TuneStep> told(whole.steps.begin(),
                                     whole.steps.begin() + static_cast<long>(cut));
    const Life rest = Live(told, 0, GetParam());
    EXPECT_EQ(rest.diverged, "") << "cut at " << cut;
    std::vector<uint64_t> expected = Starts(whole.steps), starts = Starts(told);
    const std::vector<uint64_t> more = Starts(rest.steps);
    starts.insert(starts.end(), more.begin(), more.end());
    ASSERT_LE(starts.size(), expected.size());
    expected.resize(starts.size());
    EXPECT_EQ(starts, expected) << "cut at " << cut;
  }
}

// Answers at once, the first so often with a time that no later one beats.
class LuckyMeasurer final : public Measurer {
 public:
  explicit LuckyMeasurer(size_t lucky) : lucky_(lucky) {}
  void Measure(const MeasureRequest& request, Done done) override {
    measured.push_back(request.index);
    const bool is_lucky = measured.size() <= lucky_;
    done({.outcome = is_lucky ? Outcome(Timing{{1e-9}}) : LandscapeOutcome(request.config)});
  }
  size_t PreferredInFlight() const override { return 1; }

  std::vector<uint64_t> measured;

 private:
  const size_t lucky_;
};

// The steps of a job whose first trial is withdrawn after `after` more steps.
Life LiveWithWithdrawal(const std::string& strategy, int after, LuckyMeasurer* measurer) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = MakeSearcher(strategy, {.space = space, .seed = 1}).value();
  Life life;
  TuneJob job{.budget = {.trials = 40, .confirmations = 3}};
  job.items.push_back({.space = &space, .searcher = searcher.get(), .flops = 1e6});
  job.callbacks.steps = [&](std::span<const TuneStep> steps) {
    life.steps.insert(life.steps.end(), steps.begin(), steps.end());
  };
  const StillClock clock;
  Tuning tuning(std::move(job), *measurer, clock);
  tuning.Begin();
  for (int i = 0; tuning.Step(); ++i) {
    if (i == after) {
      EXPECT_TRUE(tuning.Withdraw(1, 0, measurer->measured[0]));
    }
  }
  EXPECT_FALSE(tuning.Withdraw(1, 0, measurer->measured[0])) << "it is over";
  life.result = tuning.Result();
  return life;
}

TEST_P(TuneReplay, AWithdrawnResultIsMeasuredAgainBeyondTheBudgetAndCountsNoMore) {
  for (const int after : {1, 20, 37}) {  // in the search and among the confirmations
    LuckyMeasurer measurer(1);
    const Life life = LiveWithWithdrawal(GetParam(), after, &measurer);
    const uint64_t wrong = measurer.measured[0];
    EXPECT_EQ(measurer.measured.size(), 41u);
    EXPECT_GE(std::count(measurer.measured.begin(), measurer.measured.end(), wrong), 2);
    EXPECT_EQ(life.result.items[0].trials, 41u);
    EXPECT_GT(MedianSeconds(life.result.items[0].best->outcome), 1e-9) << "after " << after;
  }
}

// Its measurement may have come too late to count, and is told wrong then.
TEST(TuneReplay, OfATrialThatEndedWithoutAResultNothingIsWithdrawn) {
  class Faulty final : public Measurer {
   public:
    void Measure(const MeasureRequest& request, Done done) override {
      const bool is_first = measured++ == 0;
      done({.outcome = LandscapeOutcome(request.config), .fault = is_first ? "it vanished" : ""});
    }
    size_t PreferredInFlight() const override { return 1; }
    size_t measured = 0;
  } measurer;
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = MakeSearcher("random", {.space = space, .seed = 1}).value();
  TuneJob job{.budget = {.trials = 10}};
  job.items.push_back({.space = &space, .searcher = searcher.get(), .flops = 1e6});
  const StillClock clock;
  Tuning tuning(std::move(job), measurer, clock);
  tuning.Begin();
  for (int i = 0; tuning.Step(); ++i) {
    if (i == 5) {
      EXPECT_TRUE(tuning.Withdraw(1, 0, 7));
    }
  }
  EXPECT_EQ(measurer.measured, 11u) << "the fault and ten results";
}

struct Search {
  std::string strategy;
  uint64_t seed;
};

// Another life of the job of LiveWithWithdrawal, after these steps.
TuneResult LiveAgain(const std::vector<TuneStep>& steps, const Search& search, Measurer& measurer,
                     std::string* diverged) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher =
      MakeSearcher(search.strategy, {.space = space, .seed = search.seed}).value();
  TuneJob job{.budget = {.trials = 40, .confirmations = 3}};
  job.items.push_back({.space = &space, .searcher = searcher.get(), .flops = 1e6});
  job.callbacks.diverged = [&](const std::string& what) { *diverged = what; };
  job.replay = [&, at = size_t{0}](TuneStep* step) mutable {
    if (at == steps.size()) return false;
    *step = steps[at++];
    return true;
  };
  return TuneModel(std::move(job), measurer, StillClock());
}

TEST_P(TuneReplay, AWithdrawalIsReplayed) {
  LuckyMeasurer measurer(1), nothing(0);
  const Life life = LiveWithWithdrawal(GetParam(), 20, &measurer);
  std::string diverged;
  const TuneResult again = LiveAgain(life.steps, {GetParam(), /*seed=*/1}, nothing, &diverged);
  EXPECT_EQ(diverged, "");
  EXPECT_EQ(nothing.measured.size(), 0u);
  const Trial& best = *life.result.items[0].best;
  EXPECT_EQ(again.items[0].best->index, best.index);
  EXPECT_EQ(MedianSeconds(again.items[0].best->outcome), MedianSeconds(best.outcome));
}

// Also when the search is another in the next life: what was left of the budget is not spent on
// confirmations before.
TEST_P(TuneReplay, WhatWasWithdrawnIsMeasuredInTheNextLife) {
  LuckyMeasurer measurer(1);
  std::vector<TuneStep> steps = LiveWithWithdrawal(GetParam(), 38, &measurer).steps;
  const auto withdrawn = std::find_if(steps.begin(), steps.end(), [](const TuneStep& step) {
    return step.kind == TuneStep::Kind::kWithdrawn;
  });
  ASSERT_NE(withdrawn, steps.end());
  steps.erase(withdrawn + 1, steps.end());
  for (const uint64_t seed : {1, 2}) {
    LuckyMeasurer next(0);
    std::string diverged;
    LiveAgain(steps, {GetParam(), seed}, next, &diverged);
    EXPECT_EQ(diverged.empty(), seed == 1);
    EXPECT_THAT(next.measured, ::testing::Contains(measurer.measured[0])) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, TuneReplay, ::testing::Values("random", "ga", "xgb"));

TEST(TuneReplay, AnInterruptedJobSpendsTheRestAndMeasuresWhatWasUnderWayAgain) {
  const Life first = Live({}, 20, "random");
  ASSERT_EQ(first.result.end, TuneEnd::kCancelled);
  const Life second = Live(first.steps, 1000, "random");
  EXPECT_EQ(second.result.items[0].trials + second.result.items[1].trials, 60u);
  EXPECT_EQ(second.events.size(), 60u) << "those of the first life are told again";
  std::vector<TuneStep> all = first.steps;
  all.insert(all.end(), second.steps.begin(), second.steps.end());
  std::set<uint64_t> started, ended;
  for (const TuneStep& step : all) {
    const bool result = step.kind == TuneStep::Kind::kResult;
    EXPECT_TRUE((result ? ended : started).insert(step.number).second) << step.number;
  }
  EXPECT_EQ(started, ended);
}

TEST(TuneReplay, AFinishedJobMeasuresNothingMore) {
  const Life whole = Live({}, 1000, "random");
  const Life again = Live(whole.steps, 1000, "random");
  EXPECT_TRUE(again.started.empty());
  EXPECT_EQ(again.events, whole.events);
  EXPECT_EQ(again.result.model_seconds, whole.result.model_seconds);
}

TEST(TuneReplay, AProgramThatProposesOtherPointsTakesTheStepsAsTheyAre) {
  const Life first = Live({}, 20, "random", 1);
  const Life second = Live(first.steps, 1000, "random", 2);
  EXPECT_NE(second.diverged, "");
  EXPECT_EQ(second.result.items[0].trials + second.result.items[1].trials, 60u);
  std::vector<TuneStep> all = first.steps;
  all.insert(all.end(), second.steps.begin(), second.steps.end());
  std::map<std::pair<size_t, uint64_t>, int> searched;
  std::map<uint64_t, std::pair<size_t, uint64_t>> of;
  for (const TuneStep& step : all) {
    if (step.kind == TuneStep::Kind::kStart) ++searched[{step.item, step.index}];
  }
  for (const auto& [point, times] : searched) EXPECT_EQ(times, 1);
}

TEST(TuneReplay, ToldAgainItGivesTheSameTrialsWithoutASearcher) {
  const Life whole = Live({}, 1000, "random");
  const ConfigSpace space = LandscapeSpace();
  TuneJob job{.budget = {.trials = 60, .confirmations = 3}};
  for (int i = 0; i < 2; ++i) job.items.push_back({.space = &space, .flops = 1e6});
  std::vector<uint64_t> events;
  job.callbacks.trial = [&](const TuneEvent& event) { events.push_back(event.trial.index); };
  job.replay = [&, at = size_t{0}](TuneStep* step) mutable {
    if (at == whole.steps.size()) return false;
    *step = whole.steps[at++];
    return true;
  };
  RetellJob(std::move(job));
  EXPECT_EQ(events, whole.events);
}

// ---- the farm's own troubles

// Every measurement is the farm's fault, or waits for a worker that does not come.
class NoFarm final : public Measurer {
 public:
  explicit NoFarm(bool faults) : faults_(faults) {}
  void Measure(const MeasureRequest&, Done done) override {
    if (faults_) return done({.fault = "w: disk full"});
    waiting_.push_back(std::move(done));
  }
  size_t PreferredInFlight() const override { return 2; }
  void DropWaiting() override {
    for (Done& done : std::exchange(waiting_, {})) done({.dropped = true});
  }

 private:
  const bool faults_;
  std::vector<Done> waiting_;
};

TuneJob OneTask(const ConfigSpace& space, Searcher* searcher, TuneBudget budget) {
  TuneJob job{.budget = budget};
  job.items.push_back({.space = &space, .searcher = searcher, .flops = 1e6});
  return job;
}

TEST(TuneFarm, FaultsAreNoTrialsAndEndAJobThatMeetsNothingElse) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = MakeSearcher("random", {.space = space}).value();
  NoFarm farm(/*faults=*/true);
  const TuneResult result =
      TuneModel(OneTask(space, searcher.get(), {.trials = 100}), farm, StillClock());
  EXPECT_EQ(result.end, TuneEnd::kFarm);
  EXPECT_EQ(result.items[0].trials, 0u);
  EXPECT_GT(result.faults, 0u);
  EXPECT_EQ(result.last_fault, "w: disk full");
}

// Time passes whenever it is looked at.
class RunningClock final : public Clock {
 public:
  double Now() const override { return now += 0.1; }
  double UnixTime() const override { return 0; }
  mutable double now = 0;
};

TEST(TuneFarm, ATimeBudgetEndsAlsoWithoutAWorker) {
  const ConfigSpace space = LandscapeSpace();
  const auto searcher = MakeSearcher("random", {.space = space}).value();
  NoFarm farm(/*faults=*/false);
  const TuneResult result = TuneModel(
      OneTask(space, searcher.get(), {.seconds = 1, .confirmations = 3}), farm, RunningClock());
  EXPECT_EQ(result.end, TuneEnd::kTime);
  EXPECT_EQ(result.items[0].trials, 0u);
}

}  // namespace
}  // namespace tilewright
