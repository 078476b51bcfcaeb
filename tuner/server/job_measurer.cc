#include "tuner/server/job_measurer.h"

#include <algorithm>
#include <utility>

namespace tilewright {

JobMeasurer::JobMeasurer(Dispatcher& dispatcher, std::string job, std::string device_key,
                         uint64_t seed)
    : dispatcher_(dispatcher),
      job_(std::move(job)),
      device_key_(std::move(device_key)),
      seed_(seed) {}

void JobMeasurer::AddTask(const Task& task, const ConfigSpace& space, double best_seconds) {
  spaces_[KeyOf(task)] = &space;
  if (best_seconds > 0) incumbents_->seconds[KeyOf(task)] = best_seconds;
}

void JobMeasurer::Measure(const Task& task, const Config& config, Done done) {
  const std::string key = KeyOf(task);
  TrialRequest request{.job = job_, .device_key = device_key_, .task = task, .config = config};
  request.index = spaces_.at(key)->IndexOf(config).value_or(0);
  request.options.seed = seed_;
  {
    std::lock_guard lock(incumbents_->mutex);
    const auto it = incumbents_->seconds.find(key);
    if (it != incumbents_->seconds.end()) request.options.incumbent_seconds = it->second;
  }
  dispatcher_.Submit(std::move(request),
                     [key, incumbents = incumbents_, done = std::move(done)](Measured measured) {
                       if (const std::optional<double> seconds = MedianSeconds(measured.outcome)) {
                         std::lock_guard lock(incumbents->mutex);
                         const auto [it, first] = incumbents->seconds.try_emplace(key, *seconds);
                         it->second = std::min(it->second, *seconds);
                       }
                       done(std::move(measured));
                     });
}

// Without a worker one trial waits for the first to come.
size_t JobMeasurer::PreferredInFlight() const {
  return std::max<size_t>(1, dispatcher_.CapacityOf(device_key_));
}

}  // namespace tilewright
