// Log lines of what happens in a farm: one for each loss, fault, conflict, session and change of a
// worker's health; single trials that go well have none.
#pragma once

#include "log/log.h"
#include "tuner/server/dispatch/farm_observer.h"

namespace tilewright {

class FarmLog final : public FarmObserver {
 public:
  // `log` outlives this.
  explicit FarmLog(Log& log) : log_(log) {}

  void OnLost(const AttemptView& attempt) override;
  void OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) override;
  void OnConflict(const AttemptView& attempt) override;
  void OnSessionOpened(const WorkerInfo& worker) override;
  void OnSessionEnded(const WorkerInfo& worker, bool lost) override;
  void OnHealth(const std::string& worker, WorkerHealth health, const std::string& reason) override;

 private:
  Log& log_;
};

}  // namespace tilewright
