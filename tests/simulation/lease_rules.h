// What holds of every lease, looked at when it is given: no trial is with two workers at once or
// leased again after its result, none goes to a worker that may have none or of a job that is
// paused or has ended, and users share a key evenly. Told by the dispatcher, some of it with its
// lock held, so nothing is asked of it here.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/simulation/witness.h"
#include "tuner/server/dispatch/farm_observer.h"

namespace tilewright {

class LeaseRules final : public FarmObserver {
 public:
  LeaseRules(World& world, Witness& witness) : world_(world), witness_(witness) {}

  // A new server: its leases are its own. Results stay. What it tells when it is no longer alive
  // has not happened.
  void OnServerStarted(std::function<bool()> alive);
  // An attempt is over without a record: it was built, or timed a whole network.
  void OnOver(uint64_t attempt) { End(attempt); }
  void OnJobEnded(const std::string& job) { EndAll(job); }
  void OnJobBegun(const std::string& job) { ended_.erase(job); }
  // Its waits say nothing any more.
  void OnJobPaused(const std::string& job) { was_paused_.insert(job); }
  // What a worker says of itself, and what an operator says of it.
  void OnOwnWord(const std::string& worker, bool good);
  void OnOperator(const std::string& worker, bool good);

  void OnLeased(const AttemptView& attempt, double waited) override;
  void OnRecorded(const AttemptView& attempt, const Measured& measured, bool late) override;
  void OnLost(const AttemptView& attempt) override;
  void OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) override;

  uint64_t leases() const { return leases_; }
  uint64_t lost() const { return lost_; }
  uint64_t faults() const { return faults_; }
  uint64_t quarantines() const { return quarantines_; }

 private:
  using TrialName = std::pair<std::string, uint64_t>;  // job, number
  struct Fitness {
    bool says_bad = false, drained = false;
    double quarantined_until = 0;
  };
  struct Taken {
    double at = 0;
    std::string key, owner, job;
  };

  static TrialName NameOf(const AttemptView& attempt) {
    return {attempt.request.job, attempt.request.number};
  }
  void End(uint64_t attempt);
  void EndAll(const std::string& job);
  void CheckWorker(const AttemptView& attempt);
  void CheckShare(const AttemptView& attempt, double waited);

  World& world_;
  Witness& witness_;
  std::function<bool()> alive_ = [] { return true; };
  std::map<uint64_t, TrialName> live_;
  std::map<TrialName, uint64_t> holder_;    // the live attempt of a trial
  std::set<TrialName> results_;             // durable, for good
  std::set<TrialName> seen_;                // leased before by this server
  std::set<std::string> ended_;             // jobs
  std::set<std::string> was_paused_;        // jobs
  std::map<std::string, Fitness> fitness_;  // of workers
  std::deque<Taken> taken_;                 // the last leases
  uint64_t leases_ = 0, lost_ = 0, faults_ = 0, quarantines_ = 0;
};

}  // namespace tilewright
