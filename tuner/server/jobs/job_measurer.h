// The measurer of one job: its trials go through the dispatcher to the workers of its key.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "proto/measure_options.h"
#include "tuner/measure/measurer.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {

// What every trial of a job has in common.
struct JobShare {
  std::string job, device_key, owner;
  uint32_t weight = 1;
  MeasureOptions options;  // but for the incumbent
};

// Callbacks come on any thread; all else is called by one.
class JobMeasurer final : public Measurer {
 public:
  // `dispatcher` outlives this.
  JobMeasurer(Dispatcher& dispatcher, JobShare share)
      : dispatcher_(dispatcher), share_(std::move(share)) {}

  // A time of this task is known: slower kernels need not be timed to the end.
  void NoteBest(const Task& task, double seconds);

  void Measure(const MeasureRequest& request, Done done) override;
  size_t PreferredInFlight() const override;
  void DropWaiting() override { dispatcher_.DropWaiting(share_.job); }

 private:
  // Shared with callbacks that may come after the job has ended.
  class KnownTask {
   public:
    explicit KnownTask(const Task& what) : task(what) {}
    void Note(double seconds);
    double best() const;  // seconds; 0 = none

    const Task task;

   private:
    mutable std::mutex mutex_;
    double best_ = 0;
  };
  const std::shared_ptr<KnownTask>& Known(const Task& task);

  Dispatcher& dispatcher_;
  const JobShare share_;
  std::map<std::string, std::shared_ptr<KnownTask>> known_;  // by key
};

}  // namespace tilewright
