// How busy each worker's devices were in the last minute: seconds that runners lived there. For
// the web page; over longer times Prometheus has tilewright_device_busy_seconds_total. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "tuner/server/dispatch/farm_observer.h"

namespace tilewright {

class WorkerLoad final : public FarmObserver {
 public:
  // `clock` outlives this.
  explicit WorkerLoad(const Clock& clock) : clock_(clock) {}

  void OnRecorded(const AttemptView& attempt, const Measured& measured, bool late) override;
  void OnSessionOpened(const WorkerInfo& worker) override;
  void OnSessionEnded(const WorkerInfo& worker, bool lost) override;

  // The part of its slots' time that was used, 0 to 1, of the last minute or of its session, if
  // that is shorter. 0 for a worker without slots (it only builds) or without a session.
  double BusyShare(const std::string& worker) const;

 private:
  struct Run {
    double end = 0, seconds = 0;
  };
  struct Session {
    double since = 0;
    uint32_t slots = 0;
    int count = 0;  // open under this name: the next may open before the last has ended
    std::deque<Run> runs;
  };

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;  // by worker
};

}  // namespace tilewright
