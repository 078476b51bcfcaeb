#include "tuner/server/jobs/job_measurer.h"

#include <algorithm>
#include <utility>

namespace tilewright {

void JobMeasurer::KnownTask::Note(double seconds) {
  std::lock_guard lock(mutex_);
  best_ = best_ > 0 ? std::min(best_, seconds) : seconds;
}

double JobMeasurer::KnownTask::best() const {
  std::lock_guard lock(mutex_);
  return best_;
}

const std::shared_ptr<JobMeasurer::KnownTask>& JobMeasurer::Known(const Task& task) {
  std::shared_ptr<KnownTask>& known = known_[KeyOf(task)];
  if (!known) known = std::make_shared<KnownTask>(task);
  return known;
}

void JobMeasurer::NoteBest(const Task& task, double seconds) {
  if (seconds > 0) Known(task)->Note(seconds);
}

void JobMeasurer::Measure(const MeasureRequest& what, Done done) {
  const std::shared_ptr<KnownTask>& known = Known(what.task);
  TrialRequest request{.job = share_.job,
                       .device_key = share_.device_key,
                       .task = {known, &known->task},
                       .config = what.config,
                       .index = what.index,
                       .options = share_.options,
                       .number = what.number,
                       .owner = share_.owner,
                       .weight = share_.weight};
  request.options.incumbent_seconds = known->best();
  dispatcher_.Submit(std::move(request), [known, done = std::move(done)](Measured measured) {
    const bool result = measured.fault.empty() && !measured.dropped;
    const std::optional<double> seconds = MedianSeconds(measured.outcome);
    if (result && seconds) known->Note(*seconds);
    done(std::move(measured));
  });
}

// Without a worker one trial waits for the first to come.
size_t JobMeasurer::PreferredInFlight() const {
  return std::max<size_t>(1, dispatcher_.CapacityOf(share_.device_key, share_.options.threads));
}

}  // namespace tilewright
