// What the farm has promised to its workers and clients, and whether it holds: the invariants of a
// simulation. Everything that breaks one is a violation, told once. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proto/tilewright.pb.h"
#include "records/store/record_store.h"
#include "tests/simulation/world.h"
#include "tuner/server/jobs/farm.h"

namespace tilewright {

class Witness {
 public:
  explicit Witness(World& world) : world_(world) {}

  // ---- what the server says; before it can have lost power
  // A worker's measurement is recorded, or was before.
  void OnRecorded(const std::string& run_id) { recorded_.insert(run_id); }
  // A measurement is withdrawn, whether it was recorded or not.
  void OnWithdrawn(const std::string& run_id) { withdrawn_.insert(run_id); }
  void OnSubmitted(const std::string& job);
  // A job is paused, resumed or cancelled, until somebody submits it again.
  void OnPaused(const std::string& job, bool paused);
  void OnCancelled(const std::string& job) { cancelled_.insert(job); }
  void OnEvent(const std::string& job, const v1::JobEvent& event);

  bool IsPaused(const std::string& job) const { return paused_.contains(job); }

  // ---- what is looked at
  // The store's content at any time between two steps of the server.
  void CheckStore(const RecordStore& store);
  // At the end, when nothing has failed for long: every job has ended, and how.
  void CheckEnd(Farm& farm, const RecordStore& store);
  // What a job that has ended tells of its whole network.
  void CheckNetwork(const RecordStore& store, const JobRow& row);

  void Violate(const std::string& what);
  const std::vector<std::string>& violations() const { return violations_; }
  size_t recorded() const { return recorded_.size(); }
  size_t withdrawn() const { return withdrawn_.size(); }  // measurements
  size_t withdrawals() const { return withdrawals_; }     // that jobs had counted
  size_t jobs() const { return jobs_.size(); }
  size_t events() const;
  size_t networks() const { return networks_; }  // decided, of jobs that ended

 private:
  void CheckJob(Farm& farm, const RecordStore& store, const JobRow& row);
  void CheckJournal(const RecordStore& store, const JobRow& row);
  void CheckSearch(const RecordStore& store, const JobRow& row);
  static bool IsHistoryWhole(const RecordStore& store, const JobRow& row);
  void CheckMeasuredAgain(const RecordStore& store, const JobRow& row);
  void CheckEvents(Farm& farm, const std::string& job);
  std::map<double, std::set<std::string>> DecisionsOf(const RecordStore& store,
                                                      const std::string& job);

  World& world_;
  std::set<std::string> recorded_, withdrawn_;              // run ids
  std::set<std::string> jobs_, paused_, cancelled_;         // as they were acknowledged
  std::map<std::string, std::vector<std::string>> events_;  // by job, as they were told
  std::vector<std::string> violations_;
  size_t networks_ = 0, withdrawals_ = 0;
};

}  // namespace tilewright
