// A farm in numbers, in Prometheus' text format (`serve --http`, /metrics). Names and labels:
//   tilewright_trials_total{key,outcome}         recorded; outcome "ok" or the failure's kind
//   tilewright_late_trials_total{key}            of these, after their lease
//   tilewright_lost_leases_total{key}            given to another worker
//   tilewright_worker_faults_total{key}, tilewright_conflicts_total{key}
//   tilewright_device_busy_seconds_total{key}    runners' life; over slots: utilisation
//   tilewright_dispatch_seconds{key}             histogram: trial waiting -> leased
//   tilewright_commit_seconds                    histogram: one durable transaction
//   tilewright_commit_failures_total
//   tilewright_queue_depth{key}, tilewright_slots{key}, tilewright_free_slots{key},
//   tilewright_wanted_trials{key}                what unfinished jobs still have to run: how many
//                                                workers are worth having. The queue's depth says
//                                                less: a job proposes what the workers can take
//   tilewright_workers{health}                   as of the scrape
// The counters of a key are there, at 0, from its first worker on: an increase from nothing is
// none. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "prometheus/counter.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "tuner/server/dispatch/farm_observer.h"

namespace tilewright {

// What is counted at a scrape rather than as it happens.
struct FarmGauges {
  struct Key {
    std::string key;
    double total = 0, free = 0, pending = 0, wanted = 0;
  };
  std::vector<Key> keys;
  std::map<std::string, double> workers;  // by health
};

class FarmMetrics final : public FarmObserver {
 public:
  FarmMetrics();

  void OnLeased(const AttemptView& attempt, double waited) override;
  void OnRecorded(const AttemptView& attempt, const Measured& measured, bool late) override;
  void OnLost(const AttemptView& attempt) override;
  void OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) override;
  void OnConflict(const AttemptView& attempt) override;
  void OnSessionOpened(const WorkerInfo& worker) override;
  void OnCommit(double seconds, const absl::Status& status);

  // The text of a scrape.
  std::string Text(const FarmGauges& now);

 private:
  // What is counted of each trial, found once: to find a counter, labels are copied and hashed.
  struct OfKey {
    std::string label;
    prometheus::Counter& timed;  // trials
    prometheus::Counter& busy;
    prometheus::Histogram& dispatch;
  };
  // Keys come from workers, so that only so many have a label of their own. Valid as long as this.
  const OfKey& Of(const std::string& key);
  std::string LabelOf(const std::string& key) { return Of(key).label; }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>&trials_, &late_, &lost_, &faults_, &conflicts_, &busy_,
      &commit_failures_;
  prometheus::Family<prometheus::Histogram>&dispatch_, &commit_;
  std::mutex mutex_;
  std::map<std::string, OfKey> keys_;  // seen; guarded by mutex_
};

}  // namespace tilewright
