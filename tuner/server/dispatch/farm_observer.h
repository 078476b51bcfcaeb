// What happens to trials and workers, told as it happens: for the log and the metrics.
#pragma once

#include <cstdint>
#include <string>

#include "tuner/measure/measurer.h"
#include "tuner/server/dispatch/trial.h"

namespace tilewright {

// One lease of a trial to a worker. References are valid during the call.
struct AttemptView {
  uint64_t attempt = 0;
  const TrialRequest& request;
  const WorkerInfo& worker;
};

// Calls come from any thread, some with the dispatcher's lock held: they must be quick and must not
// call back.
class FarmObserver {
 public:
  virtual ~FarmObserver() = default;
  // `waited`: seconds since the trial was proposed, or last came back.
  virtual void OnLeased(const AttemptView& /*attempt*/, double /*waited*/) {}
  // It is durable. `late`: its lease was over.
  virtual void OnRecorded(const AttemptView& /*attempt*/, const Measured& /*measured*/,
                          bool /*late*/) {}
  virtual void OnLost(const AttemptView& /*attempt*/) {}
  virtual void OnFault(const AttemptView& /*attempt*/, const std::string& /*reason*/,
                       bool /*quarantined*/) {}
  // A second result of an attempt, which differs from the first.
  virtual void OnConflict(const AttemptView& /*attempt*/) {}
  virtual void OnSessionOpened(const WorkerInfo& /*worker*/) {}
  virtual void OnSessionEnded(const WorkerInfo& /*worker*/, bool /*lost*/) {}
  // What a worker says of itself or an operator decided.
  virtual void OnHealth(const std::string& /*worker*/, WorkerHealth /*health*/,
                        const std::string& /*reason*/) {}
};

}  // namespace tilewright
