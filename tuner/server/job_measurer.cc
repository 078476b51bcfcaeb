#include "tuner/server/job_measurer.h"

#include <algorithm>
#include <utility>

namespace tilewright {

void JobMeasurer::Incumbents::Note(const std::string& task, double best) {
  std::lock_guard lock(mutex);
  const auto [it, first] = seconds.try_emplace(task, best);
  it->second = std::min(it->second, best);
}

void JobMeasurer::NoteBest(const Task& task, double seconds) {
  if (seconds > 0) incumbents_->Note(KeyOf(task), seconds);
}

void JobMeasurer::Measure(const MeasureRequest& what, Done done) {
  const std::string key = KeyOf(what.task);
  TrialRequest request{.job = share_.job,
                       .device_key = share_.device_key,
                       .task = what.task,
                       .config = what.config,
                       .index = what.index,
                       .options = share_.options,
                       .number = what.number,
                       .owner = share_.owner,
                       .weight = share_.weight};
  {
    std::lock_guard lock(incumbents_->mutex);
    const auto it = incumbents_->seconds.find(key);
    if (it != incumbents_->seconds.end()) request.options.incumbent_seconds = it->second;
  }
  dispatcher_.Submit(std::move(request),
                     [key, incumbents = incumbents_, done = std::move(done)](Measured measured) {
                       const bool result = measured.fault.empty() && !measured.dropped;
                       const std::optional<double> seconds = MedianSeconds(measured.outcome);
                       if (result && seconds) incumbents->Note(key, *seconds);
                       done(std::move(measured));
                     });
}

// Without a worker one trial waits for the first to come.
size_t JobMeasurer::PreferredInFlight() const {
  return std::max<size_t>(1, dispatcher_.CapacityOf(share_.device_key, share_.options.threads));
}

}  // namespace tilewright
