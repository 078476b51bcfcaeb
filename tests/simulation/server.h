// The farm's server over its lives, on a disk that fails and loses power. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/records/fault_disk.h"
#include "tests/records/sample_records.h"
#include "tests/simulation/lease_rules.h"
#include "tests/simulation/witness.h"
#include "tests/simulation/world.h"
#include "tuner/server/jobs/farm.h"

namespace tilewright {

class SimulatedServer {
 public:
  SimulatedServer(World& world, Witness& witness, LeaseRules& rules)
      : world_(world), witness_(witness), rules_(rules) {}
  ~SimulatedServer();

  // Opens what the disk holds, or tries again later.
  void Start();
  // Loses its power, and starts again after so many seconds. What its disk holds then is looked at.
  void Crash(double away);
  // To be called after each step of the world: power may be lost at any operation of the disk.
  void CrashIfPowerIsLost();

  // Null while it is down. Not to be kept.
  Farm* farm() { return life_ ? life_->farm.get() : nullptr; }
  const RecordStore& store() const { return *life_->store; }
  FaultDisk& disk() { return *life_->disk; }
  bool is_up() const { return life_ != nullptr; }
  // What this life says is worth something until it has lost its power: to be asked before
  // anything of it is believed or sent.
  std::function<bool()> Alive() const;
  // The name of the record that an attempt makes, of this life or another.
  std::string RunId(uint64_t attempt) { return RunId(farm()->epoch(), attempt); }
  static std::string RunId(uint64_t epoch, uint64_t attempt);

  bool IsRevoked(const std::string& signer) const { return revoked_.contains(signer); }
  void Revoke(const std::string& signer) { revoked_.insert(signer); }
  int lives() const { return lives_; }
  int torn() const { return torn_; }  // lives that ended in the middle of a write

 private:
  struct Life {
    std::unique_ptr<FaultDisk> disk;
    std::unique_ptr<RecordStore> store;
    std::unique_ptr<Farm> farm;
    std::shared_ptr<bool> over = std::make_shared<bool>(false);
  };

  FarmOptions Options();
  void OnCommit(const absl::Status& status);

  World& world_;
  Witness& witness_;
  LeaseRules& rules_;
  std::unique_ptr<TempFolder> folder_ = std::make_unique<TempFolder>();
  std::unique_ptr<Life> life_;
  std::set<std::string> revoked_;
  int lives_ = 0, torn_ = 0;
  uint64_t sessions_ = 0;
  bool starting_ = false;
};

}  // namespace tilewright
