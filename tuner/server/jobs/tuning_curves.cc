#include "tuner/server/jobs/tuning_curves.h"

#include <utility>

namespace tilewright {

void TuningCurves::Add(const v1::JobEvent& event) {
  if (!event.has_trial()) return;
  const v1::TrialEvent& trial = event.trial();
  TaskCurve& task = tasks_[trial.task_index()];
  if (task.workload.empty()) task.workload = trial.task();
  Append(task.gflops, {trial.total_number(), trial.best_gflops()});
  if (event.model_seconds() > 0) Append(model_, {trial.total_number(), event.model_seconds()});
  if (points_ <= kMostPoints) return;
  Thin(model_);
  for (auto& [index, one] : tasks_) Thin(one.gflops);
}

void TuningCurves::Append(Curve& curve, const Point& point) {
  if (!curve.empty() && curve.back().value == point.value) return;
  curve.push_back(point);
  ++points_;
}

void TuningCurves::Thin(Curve& curve) {
  Curve kept;
  for (size_t i = 0; i < curve.size(); ++i) {
    if (i % 2 == 0 || i + 1 == curve.size()) kept.push_back(curve[i]);
  }
  points_ -= curve.size() - kept.size();
  curve = std::move(kept);
}

}  // namespace tilewright
