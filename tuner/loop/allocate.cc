#include "tuner/loop/allocate.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>

namespace tilewright {
namespace {

constexpr double kAlpha = 0.2;           // weight of the recent past
constexpr double kBeta = 2;              // how far above the best similar task a task may come
constexpr double kUnknownSlowdown = 10;  // of a task without a success, against its peers

// By operator, the best rate that any of its tasks reached.
std::map<std::string_view, double> PeaksOf(const std::vector<TaskState>& tasks) {
  std::map<std::string_view, double> peaks;
  for (const TaskState& task : tasks) {
    double& peak = peaks[task.item().task.workload.op];
    peak = std::max(peak, task.best_flops());
  }
  return peaks;
}

// Seconds of the model that the task takes; of one without a success without bound.
double ShareOf(const TaskState& task) {
  return task.best_seconds() ? task.item().weight * *task.best_seconds()
                             : std::numeric_limits<double>::max();
}

}  // namespace

double ExpectedGain(const TaskState& task, double peak_flops) {
  const double flops = task.item().flops;
  const double trials = static_cast<double>(std::max<size_t>(task.started(), 1));
  double now = 0;
  if (task.best_seconds()) {
    now = *task.best_seconds();
  } else if (peak_flops > 0) {
    now = kUnknownSlowdown * flops / peak_flops;
  } else {
    return std::numeric_limits<double>::max() / trials;  // nothing is known: take turns
  }
  const size_t window = std::min(kRecentTrials, task.trials());
  const std::optional<double> before = task.BestBefore();
  const double saved = before && window > 0 ? (*before - now) / static_cast<double>(window) : 0;
  const double bound = peak_flops > 0 ? std::max(0.0, now - flops / (kBeta * peak_flops)) : now;
  const double hoped = std::min(now / trials, bound);
  return task.item().weight * (kAlpha * saved + (1 - kAlpha) * hoped);
}

std::optional<size_t> PickTask(const std::vector<TaskState>& tasks, const std::vector<bool>& open,
                               size_t first_round) {
  const std::map<std::string_view, double> peaks = PeaksOf(tasks);
  std::optional<size_t> picked;
  bool picked_new = false;
  double highest = -1;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool is_new = tasks[i].started() < first_round;
    if (!open[i] || (picked_new && !is_new)) continue;
    const double worth = is_new
                             ? ShareOf(tasks[i])
                             : ExpectedGain(tasks[i], peaks.at(tasks[i].item().task.workload.op));
    if (worth <= highest && is_new == picked_new) continue;
    highest = worth;
    picked = i;
    picked_new = is_new;
  }
  return picked;
}

}  // namespace tilewright
