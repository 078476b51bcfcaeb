#include "tests/simulation/simulation.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "proto/network.pb.h"
#include "tests/simulation/client.h"
#include "tests/simulation/faults.h"

namespace tilewright {
namespace {

constexpr char kTarget[] = "cpu -mcpu=skylake-avx512";
constexpr double kFaultSeconds = 100;
constexpr double kEndSeconds = 3600;  // by which everything has ended

// A key of machines that do both, one of builders and runners, and one of nobody.
WorkerInfo InfoOf(int number) {
  WorkerInfo info{.name = absl::StrCat("w", number), .device_key = "alpha", .device = "simulated"};
  info.target = kTarget;
  info.capacity = 1 + static_cast<uint32_t>(number) % 4;
  info.networks = number % 2 == 0;
  if (number < 12) {
    info.device_key = "beta";
    info.role = number < 4 ? WorkerRole::kBuild : WorkerRole::kRun;
    info.networks = false;
  }
  return info;
}

v1::JobSpec SpecOf(World& world, int number) {
  constexpr const char* kTuners[] = {"random", "ga", "grid"};
  v1::JobSpec spec;
  spec.set_name(absl::StrCat("net", number));
  spec.set_key(number % 4 == 3 ? "beta" : "alpha");
  spec.set_tuner(kTuners[world.rng().Below(3)]);
  spec.set_trials(15 + world.rng().Below(45));
  spec.set_seed(world.rng().Below(1000));
  if (number == 5) {
    spec.set_key("nobody's");
    spec.set_time_seconds(60);
  } else if (world.Chance(0.2)) {
    spec.set_time_seconds(world.Uniform(20, 120));
  }
  if (world.Chance(0.2)) spec.set_early_stopping(10);
  if (world.Chance(0.7)) {
    v1::Network network;
    network.set_model("only workers look into it");
    spec.set_network(network.SerializeAsString());
  }
  for (uint64_t i = 0; i < 1 + world.rng().Below(2); ++i) {
    v1::JobTask& task = *spec.add_tasks();
    task.mutable_task()->set_workload(
        absl::StrCat("dense(float32[1,64],float32[", 64 << i, ",64];,NK16n,)+bias"));
    task.mutable_task()->set_template_name("dense_pack.cpu");
    task.mutable_task()->set_target(kTarget);
    task.set_count(3);
  }
  return spec;
}

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options) : world_(options.seed, options.prints) {}

  SimulationResult Run() {
    server_.Start();
    MakeWorkers();
    MakeClients();
    faults_.Begin(kFaultSeconds);
    while (world_.Now() < kFaultSeconds && Step()) {
    }
    faults_.End();
    for (const auto& client : clients_) client->Settle();
    const auto over = [this] { return server_.is_up() && AllEnded(); };
    while (!over() && world_.Now() < kEndSeconds && Step()) {
    }
    if (!server_.is_up()) {
      witness_.Violate("the server is down at the end");
    } else if (witness_.violations().empty()) {
      witness_.CheckEnd(*server_.farm(), server_.store());
    }
    return Result();
  }

 private:
  // Whoever breaks a rule has broken the rest of the story.
  bool Step() {
    const bool more = world_.Next();
    server_.CrashIfPowerIsLost();
    return more && witness_.violations().empty();
  }

  bool AllEnded() const {
    for (const auto& client : clients_) {
      if (!client->IsDone()) return false;
    }
    return true;
  }

  void MakeWorkers() {
    for (int i = 0; i < 50; ++i) {
      WorkerTraits traits{.info = InfoOf(i)};
      traits.fault_rate = i % 16 == 5 ? 1 : 0.01;  // some can do nothing
      if (traits.info.role != WorkerRole::kBuild) traits.forge_rate = 0.02;
      workers_.push_back(std::make_unique<SimulatedWorker>(around_, std::move(traits)));
      world_.After(world_.Uniform(0, 10), [worker = workers_.back().get()] { worker->Boot(); });
    }
  }

  void MakeClients() {
    for (const char* name : {"ann", "bob", "cat"}) {
      clients_.push_back(std::make_unique<SimulatedClient>(around_, name));
    }
    for (int i = 0; i < 6; ++i) {
      world_.After(world_.Uniform(0, 40), [this, i] {
        const auto weight = static_cast<uint32_t>(world_.rng().Below(4));
        clients_[static_cast<size_t>(i) % 3]->Submit(SpecOf(world_, i), weight);
      });
    }
    Meddle();
  }

  void Meddle() {
    if (world_.Now() > kFaultSeconds) return;
    clients_[world_.rng().Below(clients_.size())]->Meddle();
    world_.After(world_.Uniform(0, 12), [this] { Meddle(); });
  }

  SimulationResult Result() const {
    return {.hash = world_.hash(),
            .lines = world_.lines(),
            .violations = witness_.violations(),
            .story = {world_.story().begin(), world_.story().end()},
            .jobs = witness_.jobs(),
            .records = witness_.recorded(),
            .events = witness_.events(),
            .leases = rules_.leases(),
            .lost = rules_.lost(),
            .faults = rules_.faults(),
            .quarantines = rules_.quarantines(),
            .networks = witness_.networks(),
            .withdrawn = witness_.withdrawals(),
            .lives = static_cast<uint64_t>(server_.lives()),
            .torn = static_cast<uint64_t>(server_.torn()),
            .seconds = world_.Now()};
  }

  World world_;
  Witness witness_{world_};
  LeaseRules rules_{world_, witness_};
  SimulatedServer server_{world_, witness_, rules_};
  Network network_{world_, server_};
  const SimulatedDevice device_ = SimulatedDevice::Open("synthetic:1").value();
  const Surroundings around_{world_, network_, server_, witness_, rules_, device_};
  std::vector<std::unique_ptr<SimulatedWorker>> workers_;
  std::vector<std::unique_ptr<SimulatedClient>> clients_;
  Faults faults_{around_, workers_};
};

}  // namespace

SimulationResult Simulate(const SimulationOptions& options) { return Simulation(options).Run(); }

}  // namespace tilewright
