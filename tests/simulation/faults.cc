#include "tests/simulation/faults.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace tilewright {

void Faults::Begin(double until) {
  until_ = until;
  BeginWeather();
  BeginOfServer();
  BeginOfDisk();
  BeginOfWorkers();
  BeginOfPeople();
}

void Faults::Sometimes(double seconds, const std::function<void()>& what) {
  if (around_.world.Chance(0.5)) Again(seconds, what);
}

void Faults::Again(double seconds, const std::function<void()>& what) {
  World& world = around_.world;
  const double wait = -seconds * std::log(1 - world.rng().Unit());
  world.After(wait, [this, seconds, what] {
    if (around_.world.Now() >= until_) return;
    what();
    Again(seconds, what);
  });
}

void Faults::BeginWeather() {
  World& world = around_.world;
  NetworkWeather& weather = around_.network.weather;
  if (world.Chance(0.5)) weather.lost = world.Uniform(0, 0.1);
  if (world.Chance(0.5)) weather.twice = world.Uniform(0, 0.1);
  if (world.Chance(0.5)) weather.slow = world.Uniform(0, 0.1);
}

// Stands still, is killed, and a wall clock that is set.
void Faults::BeginOfServer() {
  Sometimes(60, [this] { around_.server.Crash(around_.world.Uniform(0.5, 20)); });
  Sometimes(60, [this] {
    const double seconds = around_.world.Uniform(1, 60);
    around_.world.Tell(absl::StrCat("the server stands still for ", seconds));
    around_.world.StopActivities(seconds);
  });
  Sometimes(40, [this] { around_.world.JumpUnixTime(around_.world.Uniform(-3600, 3600)); });
}

void Faults::FailDisk(FaultDisk::Fault fault, uint64_t most_operations, double seconds) {
  if (!around_.server.is_up()) return;
  World& world = around_.world;
  const int n = 1 + static_cast<int>(world.rng().Below(most_operations));
  world.Tell(absl::StrCat("disk: ", FaultDisk::NameOf(fault), " at operation ", n));
  around_.server.disk().FailAt(fault, n, seconds > 0 ? std::numeric_limits<int>::max() : 1);
  if (seconds == 0) return;
  world.After(seconds, [this, fault, alive = around_.server.Alive()] {
    if (alive()) around_.server.disk().FailAt(fault, 0);
  });
}

void Faults::BeginOfDisk() {
  using Fault = FaultDisk::Fault;
  Sometimes(40, [this] { FailDisk(Fault::kPowerLoss, 60, 0); });
  Sometimes(40, [this] { FailDisk(Fault::kFull, 10, around_.world.Uniform(1, 30)); });
  Sometimes(80, [this] { FailDisk(Fault::kSyncError, 10, 0); });
  Sometimes(30, [this] { FailDisk(Fault::kWriteError, 20, 0); });
  Sometimes(30, [this] { FailDisk(Fault::kShortWrite, 20, 0); });
  Sometimes(30, [this] { FailDisk(Fault::kReadError, 20, 0); });
}

void Faults::BeginOfWorkers() {
  Sometimes(4, [this] {
    SimulatedWorker& worker = Any();
    worker.Crash();
    around_.world.After(around_.world.Uniform(0.5, 40), [&worker] { worker.Boot(); });
  });
  Sometimes(4, [this] { Any().CutOff(around_.world.Uniform(1, 80)); });
  Sometimes(60, [this] {
    const double seconds = around_.world.Uniform(5, 60);
    for (size_t i = 0; i < workers_.size(); i += 2) workers_[i]->CutOff(seconds);
  });
  Sometimes(8, [this] { Any().SetHealthy(around_.world.Chance(0.6)); });
  Sometimes(8, [this] {
    SimulatedWorker& worker = Any();
    worker.Distrust();
    around_.world.After(around_.world.Uniform(1, 60), [&worker] { worker.SetHealthy(true); });
  });
}

void Faults::SetHealth(const SimulatedWorker& worker, bool good) {
  if (!around_.server.is_up()) return;
  if (good) around_.rules.OnOperator(worker.name(), true);
  const auto health = good ? WorkerHealth::kGood : WorkerHealth::kMaintenance;
  Dispatcher& dispatcher = around_.server.farm()->dispatcher();
  const absl::Status set = dispatcher.SetHealth(worker.name(), health, "an operator's word");
  if (set.ok() && !good) around_.rules.OnOperator(worker.name(), false);
}

void Faults::BeginOfPeople() {
  Sometimes(8, [this] { SetHealth(Any(), around_.world.Chance(0.6)); });
  Sometimes(100, [this] {
    SimulatedWorker& worker = *workers_[around_.world.rng().Below(3)];  // one builder stays
    around_.world.Tell("revoked: " + worker.name());
    around_.server.Revoke(worker.name());
    worker.Ban();
  });
}

void Faults::End() {
  around_.network.weather = {};
  if (around_.server.is_up()) around_.server.disk().FailAt(FaultDisk::Fault::kFull, 0);
  for (const auto& worker : workers_) {
    worker->Heal();
    worker->Boot();
    SetHealth(*worker, true);
  }
}

}  // namespace tilewright
