// Which workers may be given work, by name: faults in a row quarantine a worker, for longer each
// time; after it one trial at a time is tried with it, and a measurement makes it good again. What
// a worker says of itself and what an operator decides come on top. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "tuner/server/dispatch/trial.h"

namespace tilewright {

struct HealthOptions {
  int faults_in_a_row = 3;         // quarantine a worker
  double quarantine_seconds = 60;  // the first; each further one is twice as long
  double quarantine_limit = 3600;
};

struct HealthView {
  WorkerHealth health = WorkerHealth::kGood;
  std::string reason;
  size_t faults = 0;  // since the server's start
};

class HealthBook {
 public:
  explicit HealthBook(const HealthOptions& options) : options_(options) {}

  // The worker failed by its own fault. True when this quarantined it.
  bool OnFault(const std::string& worker, const std::string& reason, double now);
  void OnMeasurement(const std::string& worker);
  // kBad: quarantined until it says kGood; kGood ends that.
  void OnOwnWord(const std::string& worker, WorkerHealth health, const std::string& reason);
  // kMaintenance, kRetired, or kGood, which forgets everything against it.
  void OnOperator(const std::string& worker, WorkerHealth health, const std::string& reason);

  bool Knows(const std::string& worker) const { return entries_.contains(worker); }
  HealthView View(const std::string& worker, double now) const;
  // Trials that may be leased to a worker which holds `held`; `wanted` when it is good.
  size_t Allowance(const std::string& worker, size_t held, size_t wanted, double now) const;

 private:
  struct Entry {
    size_t faults = 0;
    int in_a_row = 0;
    int quarantines = 0;
    double until = 0;        // of the quarantine
    bool probation = false;  // quarantined before, no measurement since
    bool own_word = false;   // it said that it is bad
    WorkerHealth by_operator = WorkerHealth::kGood;
    std::string reason;
  };

  const HealthOptions options_;
  std::map<std::string, Entry> entries_;  // only of workers with something against them
};

}  // namespace tilewright
