// The measurer of one job: its trials go through the dispatcher to the workers of its key.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "compiler/schedule/config_space.h"
#include "tuner/measure/measurer.h"
#include "tuner/server/dispatcher.h"

namespace tilewright {

class JobMeasurer final : public Measurer {
 public:
  // `dispatcher` outlives this. `seed` is of the kernels' inputs.
  JobMeasurer(Dispatcher& dispatcher, std::string job, std::string device_key, uint64_t seed);

  // `space` outlives this; `best_seconds`: the best known, 0 = none. REQUIRES: before Measure.
  void AddTask(const Task& task, const ConfigSpace& space, double best_seconds);

  void Measure(const Task& task, const Config& config, Done done) override;
  size_t PreferredInFlight() const override;

 private:
  // Shared with callbacks that may come after the job has ended.
  struct Incumbents {
    std::mutex mutex;
    std::map<std::string, double> seconds;  // by task key
  };

  Dispatcher& dispatcher_;
  const std::string job_, device_key_;
  const uint64_t seed_;
  std::map<std::string, const ConfigSpace*> spaces_;
  std::shared_ptr<Incumbents> incumbents_ = std::make_shared<Incumbents>();
};

}  // namespace tilewright
