// The points of a job's curves stay few, and say how it came to its bests.
#include "tuner/server/jobs/tuning_curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using Point = TuningCurves::Point;

v1::JobEvent TrialOf(uint32_t task, uint64_t number, double best_gflops, double model_seconds) {
  v1::JobEvent event;
  event.set_model_seconds(model_seconds);
  event.mutable_trial()->set_task_index(task);
  event.mutable_trial()->set_task("task " + std::to_string(task));
  event.mutable_trial()->set_total_number(number);
  event.mutable_trial()->set_best_gflops(best_gflops);
  return event;
}

TEST(TuningCurves, HaveAPointWhereTheBestChanges) {
  TuningCurves curves;
  curves.Add(v1::JobEvent());  // the job begins
  curves.Add(TrialOf(0, 1, 10, 0));
  curves.Add(TrialOf(1, 2, 5, 2.0));
  curves.Add(TrialOf(0, 3, 10, 2.0));
  curves.Add(TrialOf(0, 4, 20, 1.5));
  ASSERT_EQ(curves.tasks().size(), 2u);
  EXPECT_EQ(curves.tasks().at(0).workload, "task 0");
  EXPECT_THAT(curves.tasks().at(0).gflops, ElementsAre(Point{1, 10}, Point{4, 20}));
  EXPECT_THAT(curves.tasks().at(1).gflops, ElementsAre(Point{2, 5}));
  EXPECT_THAT(curves.model(), ElementsAre(Point{2, 2.0}, Point{4, 1.5}));
}

TEST(TuningCurves, OfALongJobAreThinnedAndReachItsEnd) {
  constexpr uint32_t kTasks = 1000;
  constexpr uint64_t kTrials = 20 * TuningCurves::kMostPoints;
  TuningCurves curves;
  for (uint64_t i = 1; i <= kTrials; ++i) {
    curves.Add(TrialOf(i % kTasks, i, static_cast<double>(i), 1.0 / static_cast<double>(i)));
  }
  size_t points = curves.model().size();
  for (const auto& [index, task] : curves.tasks()) {
    points += task.gflops.size();
    EXPECT_LE(task.gflops.front().trial, kTasks);
    EXPECT_GT(task.gflops.back().trial, kTrials - kTasks);
  }
  EXPECT_LE(points, TuningCurves::kMostPoints);
  EXPECT_EQ(curves.model().front(), (Point{1, 1.0}));
  EXPECT_EQ(curves.model().back(), (Point{kTrials, 1.0 / kTrials}));
}

}  // namespace
}  // namespace tilewright
