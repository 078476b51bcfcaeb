#include "tuner/loop/tune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "tests/contract/landscape.h"
#include "tests/tuner/work_clock.h"

namespace tilewright {
namespace {

class FakeClock final : public Clock {
 public:
  double Now() const override { return now += 0.1; }
  double UnixTime() const override { return 0; }
  mutable double now = 0;
};

// Answers from the landscape, times a factor by task, when `width` measurements are waiting; the
// newest first, so that results come out of order.
class FakeMeasurer : public Measurer {
 public:
  explicit FakeMeasurer(size_t width = 4) : width_(width) {}

  void Measure(const MeasureRequest& request, Done done) override {
    measured[request.task.template_name].push_back(EntitiesToJson(request.config));
    Outcome outcome = Answer(request.task, request.config);
    waiting_.push_back([outcome, done] { done({.outcome = outcome, .device = "fake"}); });
    max_waiting = std::max(max_waiting, waiting_.size());
    if (waiting_.size() == width_) Release();
  }
  size_t PreferredInFlight() const override { return width_; }

  std::map<std::string, std::vector<std::string>> measured;  // configs by template
  size_t max_waiting = 0;

 protected:
  virtual Outcome Answer(const Task&, const Config& config) { return LandscapeOutcome(config); }

 private:
  void Release() {
    for (; !waiting_.empty(); waiting_.pop_back()) waiting_.back()();
  }
  const size_t width_;
  std::vector<std::function<void()>> waiting_;
};

// A task over the landscape with its own searcher.
struct LandscapeJob {
  ConfigSpace space = LandscapeSpace();
  std::vector<std::unique_ptr<Searcher>> searchers;

  TuneItem Item(const std::string& name, const std::string& strategy = "random") {
    searchers.push_back(MakeSearcher(strategy, {.space = space, .seed = 1}).value());
    TuneItem item{.space = &space, .searcher = searchers.back().get(), .flops = 1e6};
    item.task.template_name = name;
    item.task.workload.op = "conv2d";
    return item;
  }
  TuneJob Job(std::vector<std::string> names, TuneBudget budget) {
    TuneJob job{.budget = budget};
    for (const std::string& name : names) job.items.push_back(Item(name));
    return job;
  }
};

TEST(Tune, SpendsExactlyTheTrials) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  const TuneResult result = TuneModel(fixture.Job({"a"}, {.trials = 37}), measurer, FakeClock());
  EXPECT_EQ(measurer.measured["a"].size(), 37u);
  EXPECT_EQ(result.items[0].trials, 37u);
  EXPECT_EQ(result.end, TuneEnd::kBudget);
}

TEST(Tune, KeepsThePreferredNumberInFlight) {
  LandscapeJob fixture;
  FakeMeasurer measurer(4);
  TuneModel(fixture.Job({"a"}, {.trials = 40}), measurer, FakeClock());
  EXPECT_EQ(measurer.max_waiting, 4u);
  EXPECT_EQ(measurer.measured["a"].size(), 40u);
}

TEST(Tune, RecordsEveryTrialWithTheBestSoFar) {
  LandscapeJob fixture;
  FakeMeasurer measurer(2);
  TuneJob job = fixture.Job({"a"}, {.trials = 30});
  double best = 0;
  size_t count = 0;
  job.callbacks.trial = [&](const TuneEvent& event) {
    best = std::max(best, event.current_flops);
    EXPECT_EQ(event.best_flops, best);
    EXPECT_EQ(event.trials, ++count);
    EXPECT_EQ(event.measured.device, "fake");
    EXPECT_EQ(event.trial.config, fixture.space.At(event.trial.index));
  };
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(count, 30u);
  EXPECT_EQ(1e6 / MedianSeconds(result.items[0].best->outcome).value(), best);
  EXPECT_EQ(result.model_seconds, MedianSeconds(result.items[0].best->outcome));
}

TEST(Tune, ExhaustsASmallSpace) {
  LandscapeJob fixture;
  fixture.space.AddConstraint("order 0", [](const Config& c) { return c.Int("order") == 0; });
  fixture.space.AddConstraint("narrow", [](const Config& c) { return c.Inner("tile_ow") < 2; });
  const size_t points = fixture.space.EnumerateValid().value().size();
  FakeMeasurer measurer(1);
  const TuneResult result = TuneModel(fixture.Job({"a"}, {}), measurer, FakeClock());
  EXPECT_EQ(result.end, TuneEnd::kExhausted);
  EXPECT_EQ(result.items[0].trials, points);
}

TEST(Tune, StopsEarlyWithoutABetterTrial) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneJob job = fixture.Job({"a"}, {.trials = 2000, .early_stopping = 20});
  size_t best_at = 0;
  double best = 0;
  job.callbacks.trial = [&](const TuneEvent& event) {
    if (event.best_flops > best) best_at = event.trials;
    best = event.best_flops;
  };
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(result.end, TuneEnd::kEarlyStopping);
  EXPECT_EQ(result.items[0].trials, best_at + 20);
}

TEST(Tune, ATimeBudgetEndsTheJob) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  const TuneResult result = TuneModel(fixture.Job({"a"}, {.seconds = 10}), measurer, FakeClock());
  EXPECT_EQ(result.end, TuneEnd::kTime);
  EXPECT_GT(result.items[0].trials, 10u);
  EXPECT_LE(result.items[0].trials, 100u);
}

TEST(Tune, CancellingKeepsWhatWasMeasured) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  std::stop_source stop;
  TuneJob job = fixture.Job({"a"}, {.trials = 1000});
  job.stop = stop.get_token();
  job.callbacks.trial = [&](const TuneEvent& event) {
    if (event.trials == 12) stop.request_stop();
  };
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(result.end, TuneEnd::kCancelled);
  EXPECT_EQ(result.items[0].trials, 12u);
  EXPECT_TRUE(result.items[0].best.has_value());
}

// Never answers until it is destroyed.
class StuckMeasurer final : public Measurer {
 public:
  ~StuckMeasurer() override {
    for (Done& done : waiting_) done({.outcome = Failure{FailureKind::kUnknown, "shut down"}});
  }
  void Measure(const MeasureRequest&, Done done) override { waiting_.push_back(std::move(done)); }
  size_t PreferredInFlight() const override { return 3; }

 private:
  std::vector<Done> waiting_;
};

TEST(Tune, CancellingDoesNotWaitForAStuckMeasurement) {
  LandscapeJob fixture;
  StuckMeasurer measurer;  // answers after the job is gone
  std::stop_source stop;
  TuneJob job = fixture.Job({"a"}, {.trials = 10});
  job.stop = stop.get_token();
  std::jthread canceller([&] { stop.request_stop(); });
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(result.end, TuneEnd::kCancelled);
  EXPECT_EQ(result.items[0].trials, 0u);
}

TEST(Tune, AStuckMeasurementDoesNotHoldTheJobBeyondItsTime) {
  LandscapeJob fixture;
  StuckMeasurer measurer;
  const FakeClock clock;
  const TuneResult result =
      TuneModel(fixture.Job({"a"}, {.seconds = 3, .confirmations = 3}), measurer, clock);
  EXPECT_EQ(result.end, TuneEnd::kTime);
  EXPECT_EQ(result.items[0].trials, 0u);
}

TEST(Tune, SeedsAreMeasuredFirstAndOnce) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneJob job = fixture.Job({"a"}, {});
  fixture.space.AddConstraint("one step", [](const Config& c) { return c.Int("order") == 0; });
  job.items[0] = fixture.Item("a");
  job.items[0].seeds = {9, 5, 9};
  TuneModel(std::move(job), measurer, FakeClock());
  const std::vector<std::string>& measured = measurer.measured["a"];
  EXPECT_EQ(measured[0], EntitiesToJson(fixture.space.At(9)));
  EXPECT_EQ(measured[1], EntitiesToJson(fixture.space.At(5)));
  EXPECT_EQ(std::set<std::string>(measured.begin(), measured.end()).size(), measured.size());
}

// The first measurement of every config is a factor faster than all later ones of it.
class LuckyFirstMeasurer final : public FakeMeasurer {
 public:
  explicit LuckyFirstMeasurer(double luck) : FakeMeasurer(1), luck_(luck) {}
  Outcome Answer(const Task&, const Config& config) override {
    const Outcome outcome = LandscapeOutcome(config);
    const std::optional<double> seconds = MedianSeconds(outcome);
    const bool first = seen_.insert(EntitiesToJson(config)).second;
    const bool lucky = first && lucky_ < 2 && seconds && *seconds > 1.5e-3;
    if (!lucky) return outcome;
    ++lucky_;
    return Timing{{*seconds * luck_}};
  }

 private:
  const double luck_;
  int lucky_ = 0;
  std::set<std::string> seen_;
};

TEST(Tune, ALuckyMeasurementDoesNotWin) {
  LandscapeJob fixture;
  LuckyFirstMeasurer measurer(0.01);
  TuneJob job = fixture.Job({"a"}, {.trials = 64, .confirmations = 3});
  std::vector<Trial> trials;
  job.callbacks.trial = [&](const TuneEvent& event) { trials.push_back(event.trial); };
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  double best = 1;
  for (const Trial& trial : trials) {
    best = std::min(best, MedianSeconds(LandscapeOutcome(trial.config)).value_or(1));
  }
  EXPECT_EQ(MedianSeconds(result.items[0].best->outcome), best);
  EXPECT_EQ(result.model_seconds, best);
}

TEST(Tune, ConfirmationsComeOutOfTheTrials) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneModel(fixture.Job({"a"}, {.trials = 64, .confirmations = 3}), measurer, FakeClock());
  const std::vector<std::string>& measured = measurer.measured["a"];
  EXPECT_EQ(measured.size(), 64u);
  // The best one twice again.
  EXPECT_EQ(std::set<std::string>(measured.begin(), measured.end()).size(), 62u);
}

// Each measurement takes a second.
class SlowMeasurer : public FakeMeasurer {
 public:
  explicit SlowMeasurer(WorkClock& clock) : FakeMeasurer(1), clock_(clock) {}
  void Measure(const MeasureRequest& request, Done done) override {
    clock_.now += 1;
    FakeMeasurer::Measure(request, std::move(done));
  }

 private:
  WorkClock& clock_;
};

TEST(Tune, TheTimeCoversTheConfirmations) {
  LandscapeJob fixture;
  WorkClock clock;
  SlowMeasurer measurer(clock);
  const TuneResult result =
      TuneModel(fixture.Job({"a", "b"}, {.seconds = 64, .confirmations = 3}), measurer, clock);
  EXPECT_LE(clock.now, 64);
  EXPECT_EQ(result.end, TuneEnd::kTime);
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<std::string>& measured = measurer.measured[i == 0 ? "a" : "b"];
    const std::string best = EntitiesToJson(result.items[i].best->config);
    EXPECT_GE(std::count(measured.begin(), measured.end(), best), 3) << i;
  }
}

TEST(Tune, TheShortestTimeStillSeesEveryDefault) {
  LandscapeJob fixture;
  WorkClock clock;
  SlowMeasurer measurer(clock);
  TuneJob job = fixture.Job({"a", "b", "c"}, {.seconds = 4, .confirmations = 3});
  for (TuneItem& item : job.items) item.seeds = {9};
  const TuneResult result = TuneModel(std::move(job), measurer, clock);
  EXPECT_LE(clock.now, 4);
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_GE(measurer.measured[name].size(), 1u) << name;
    EXPECT_EQ(measurer.measured[name][0], EntitiesToJson(fixture.space.At(9))) << name;
  }
  EXPECT_TRUE(result.model_seconds);
}

// Task "fails" never works, task "flat" is always 1 ms.
class MixedMeasurer final : public FakeMeasurer {
 public:
  MixedMeasurer() : FakeMeasurer(1) {}
  Outcome Answer(const Task& task, const Config& config) override {
    if (task.template_name == "fails") return Failure{FailureKind::kBuild, "no"};
    if (task.template_name == "flat") return Timing{{1e-6}};
    return LandscapeOutcome(config);
  }
};

TEST(Tune, EveryTaskGetsAFirstRound) {
  LandscapeJob fixture;
  FakeMeasurer measurer(4);
  TuneModel(fixture.Job({"a", "b", "c"}, {.trials = 48}), measurer, FakeClock());
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(measurer.measured[name].size(), 16u) << name;
}

TEST(Tune, ASmallBudgetIsSharedEvenly) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneModel(fixture.Job({"a", "b", "c"}, {.trials = 9}), measurer, FakeClock());
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(measurer.measured[name].size(), 3u) << name;
}

TEST(Tune, TrialsGoToTheTaskThatWeighsMore) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneJob job = fixture.Job({"rare", "often"}, {.trials = 200});
  job.items[1].weight = 10;
  TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_GT(measurer.measured["often"].size(), 2 * measurer.measured["rare"].size());
}

TEST(Tune, TrialsLeaveATaskWithNothingToGain) {
  LandscapeJob fixture;
  MixedMeasurer measurer;
  TuneModel(fixture.Job({"flat", "slow"}, {.trials = 200}), measurer, FakeClock());
  EXPECT_LT(measurer.measured["flat"].size(), 40u);
}

TEST(Tune, ATaskThatAlwaysFailsIsGivenUp) {
  LandscapeJob fixture;
  MixedMeasurer measurer;
  TuneJob job = fixture.Job({"fails", "slow"}, {.trials = 400});
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(result.items[0].end, TuneEnd::kNoSuccess);
  EXPECT_LE(result.items[0].trials, 64u + 8);
  EXPECT_EQ(result.items[0].failures, result.items[0].trials);
  EXPECT_EQ(result.items[0].best, std::nullopt);
  EXPECT_EQ(result.model_seconds, std::nullopt);
  EXPECT_EQ(result.items[1].end, TuneEnd::kBudget);
}

TEST(Tune, TheModelsSecondsAreTheWeightedSumOfTheBests) {
  LandscapeJob fixture;
  FakeMeasurer measurer(1);
  TuneJob job = fixture.Job({"a", "b"}, {.trials = 64});
  job.items[0].weight = 3;
  std::optional<double> last;
  job.callbacks.trial = [&](const TuneEvent& event) {
    EXPECT_LE(event.model_seconds.value_or(1e9), last.value_or(1e9));
    last = event.model_seconds;
  };
  const TuneResult result = TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_DOUBLE_EQ(last.value(), 3 * MedianSeconds(result.items[0].best->outcome).value() +
                                     MedianSeconds(result.items[1].best->outcome).value());
  EXPECT_EQ(result.model_seconds, last);
}

// Answers from threads of its own.
class ThreadedMeasurer final : public Measurer {
 public:
  void Measure(const MeasureRequest& request, Done done) override {
    threads_.emplace_back([config = request.config, done] {
      done({.outcome = LandscapeOutcome(config), .worker = "thread"});
    });
  }
  size_t PreferredInFlight() const override { return 8; }

 private:
  std::vector<std::jthread> threads_;
};

TEST(Tune, TakesResultsFromManyThreads) {
  LandscapeJob fixture;
  TuneJob job = fixture.Job({"a", "b"}, {.trials = 200});
  size_t count = 0;
  job.callbacks.trial = [&](const TuneEvent&) { ++count; };
  ThreadedMeasurer measurer;
  TuneModel(std::move(job), measurer, FakeClock());
  EXPECT_EQ(count, 200u);
}

}  // namespace
}  // namespace tilewright
