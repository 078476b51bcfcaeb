// What goes wrong in a simulation, and how often: each seed has some of the kinds. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/simulation/worker.h"

namespace tilewright {

class Faults {
 public:
  // All outlive this.
  Faults(const Surroundings& around, std::vector<std::unique_ptr<SimulatedWorker>>& workers)
      : around_(around), workers_(workers) {}

  // Until the world is so old.
  void Begin(double until);
  // Everything works from now on.
  void End();

 private:
  // On average every `seconds`, in half of all seeds.
  void Sometimes(double seconds, const std::function<void()>& what);
  void Again(double seconds, const std::function<void()>& what);
  void BeginWeather();
  void BeginOfServer();
  void BeginOfDisk();
  void BeginOfWorkers();
  void BeginOfPeople();
  void FailDisk(FaultDisk::Fault fault, uint64_t most_operations, double seconds);
  SimulatedWorker& Any() { return *workers_[around_.world.rng().Below(workers_.size())]; }
  void SetHealth(const SimulatedWorker& worker, bool good);

  const Surroundings around_;
  std::vector<std::unique_ptr<SimulatedWorker>>& workers_;
  double until_ = 0;
};

}  // namespace tilewright
