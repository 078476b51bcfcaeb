// A worker as the server sees it: sessions, leases, renewals, reports that are kept on its disk
// until they are answered; it crashes, is cut off, fails by its own fault and speaks ill of itself.
// Without processes: what it measures follows from the config. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/simulation/lease_rules.h"
#include "tests/simulation/network.h"
#include "tuner/replay/simulated_device.h"

namespace tilewright {

struct WorkerTraits {
  WorkerInfo info;
  double fault_rate = 0;  // of trials that end by the worker's fault
  double forge_rate = 0;  // of reports that are sent again with another time
};

// What all workers share.
struct Surroundings {
  World& world;
  Network& network;
  SimulatedServer& server;
  Witness& witness;
  LeaseRules& rules;
  const SimulatedDevice& device;
};

class SimulatedWorker {
 public:
  SimulatedWorker(const Surroundings& around, WorkerTraits traits)
      : around_(around), traits_(std::move(traits)) {}

  // A new process.
  void Boot();
  // kill -9: only what is on its disk stays.
  void Crash();
  void CutOff(double seconds) { link_.cut_until = around_.world.Now() + seconds; }
  // From the next session or renewal on.
  void SetHealthy(bool healthy) { healthy_ = healthy; }
  // Finds its test kernel wrong: withdraws what it measured of late, and is not well.
  void Distrust();
  // No more faults of its own.
  void Heal();
  // Its certificate is revoked: it is gone for good.
  void Ban() {
    Crash();
    is_banned_ = true;
  }

  const std::string& name() const { return traits_.info.name; }
  const WorkerInfo& info() const { return traits_.info; }

 private:
  using Report = std::variant<TrialReport, FaultReport, BuiltReport, NetworkReport>;
  // To a report, with what was leased in the same call.
  struct Answer {
    absl::StatusOr<ReportResult> result;
    std::vector<LeasedTrial> leased = {};
  };
  struct Opened {
    std::string session;
    uint64_t epoch = 0;
  };
  struct Held {
    LeasedTrial trial;
    Opened session;  // under which it was leased, and is reported
  };
  struct Spooled {
    Report report;
    uint64_t epoch = 0;
  };

  // Calls `what` unless this process is gone by then.
  template <typename... Arguments>
  std::function<void(Arguments...)> Mine(std::function<void(Arguments...)> what) const;
  void Later(double low, double high, void (SimulatedWorker::*what)());
  void Open();
  void OnOpened(std::optional<absl::StatusOr<Opened>> opened);
  void Lease();
  void OnLeased(const Opened& session,
                std::optional<absl::StatusOr<std::vector<LeasedTrial>>> leased);
  void OnNoSession();
  void Work(const Held& held);
  void FetchModule(const Held& held);
  void Run(uint64_t attempt);
  void Finish(uint64_t attempt);
  Report ReportOf(const Held& held);
  std::string TimesOf(const std::string& round) const;
  void Keep(Report report, uint64_t epoch);
  void Send(uint64_t number);
  void Take(const Opened& session, const std::vector<LeasedTrial>& leased);
  void OnAnswered(uint64_t number, std::optional<absl::StatusOr<ReportResult>> answer);
  void Renew();
  void OnRenewed(std::optional<absl::StatusOr<std::vector<uint64_t>>> dropped);

  const Surroundings around_;
  WorkerTraits traits_;
  Link link_;
  bool healthy_ = true;
  int life_ = 0;  // of its process; what belongs to another one is dropped
  bool is_up_ = false, leases_ = false, is_banned_ = false;
  Opened session_;  // empty: none
  double renewed_ = 0;
  std::map<uint64_t, Held> held_;      // by attempt, until they are reported
  std::map<uint64_t, Spooled> spool_;  // on its disk
  std::deque<Spooled> unproven_;       // what it measured since it was last known to be well
  uint64_t spooled_ = 0;
};

}  // namespace tilewright
