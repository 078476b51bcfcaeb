#include "tests/simulation/server.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

// Attempts of different lives are as far apart as those of different servers.
constexpr uint64_t kAttemptsOfALife = uint64_t{1} << 20;

}  // namespace

SimulatedServer::~SimulatedServer() {
  if (!life_) return;
  *life_->over = true;
  life_->farm.reset();
  life_->store.reset();
  life_.reset();
}

std::function<bool()> SimulatedServer::Alive() const {
  return [over = life_->over, disk = life_->disk.get()] { return !*over && !disk->lost_power(); };
}

std::string SimulatedServer::RunId(uint64_t epoch, uint64_t attempt) {
  return absl::StrCat(absl::Hex(epoch, absl::kZeroPad16), "-", attempt);
}

FarmOptions SimulatedServer::Options() {
  FarmOptions options;
  options.epoch = static_cast<uint64_t>(lives_);
  options.dispatcher.first_id = static_cast<uint64_t>(lives_) * kAttemptsOfALife;
  options.dispatcher.is_revoked = [this](const std::string& signer) { return IsRevoked(signer); };
  options.dispatcher.observers = {&rules_};
  options.new_session = [this] {
    return absl::StrCat("session-", ++sessions_, "-", absl::Hex(world_.rng().Next()));
  };
  options.on_commit = [this](double, const absl::Status& status) { OnCommit(status); };
  options.on_job_end = [this, alive = Alive()](const std::string& job, const std::string& state,
                                               const std::string& message) {
    if (!alive()) return;
    world_.Tell(absl::StrCat("job ", job, " ", state, " ", message));
    rules_.OnJobEnded(job);
  };
  return options;
}

// It ends when nothing can be stored any more, and whoever looks after it starts it again.
void SimulatedServer::OnCommit(const absl::Status& status) {
  if (!Alive()()) return;
  if (status.ok()) return;
  world_.Tell(absl::StrCat("commit: ", absl::StatusCodeToString(status.code())));
  if (!absl::IsAborted(status)) return;
  world_.After(world_.Uniform(1, 5), [this, alive = Alive()] {
    if (alive()) Crash(world_.Uniform(0.5, 2));
  });
}

void SimulatedServer::Start() {
  if (life_) return;
  ++lives_;
  life_ = std::make_unique<Life>();
  life_->disk = std::make_unique<FaultDisk>();
  absl::StatusOr<std::unique_ptr<RecordStore>> store = OpenSqliteStore(*folder_ / "records.db");
  if (!store.ok()) {
    witness_.Violate(absl::StrCat("the store does not open: ", store.status().message()));
    life_.reset();
    return;
  }
  life_->store = *std::move(store);
  witness_.CheckStore(*life_->store);
  rules_.OnServerStarted(Alive());
  life_->farm =
      std::make_unique<Farm>(Options(), FarmWorld{*life_->store, world_, NoLog(), world_});
  const absl::Status resumed = life_->farm->jobs().Resume();
  world_.Tell(absl::StrCat("server ", lives_, " is up"));
  if (!resumed.ok()) witness_.Violate(absl::StrCat("no resumption: ", resumed.message()));
}

void SimulatedServer::Crash(double away) {
  if (!life_) return;
  world_.Tell(absl::StrCat("server ", lives_, " loses its power"));
  auto after = std::make_unique<TempFolder>();
  life_->disk->LosePower(*after / "", world_.rng());
  *life_->over = true;  // what is left of it has no effect
  life_->farm.reset();
  life_->store.reset();
  life_.reset();
  folder_ = std::move(after);
  world_.After(away, [this] { Start(); });
}

void SimulatedServer::CrashIfPowerIsLost() {
  if (!life_ || !life_->disk->lost_power()) return;
  ++torn_;
  Crash(world_.Uniform(0.5, 5));
}

}  // namespace tilewright
