#include "tests/simulation/worker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/operators/workload_rules.h"
#include "proto/network.h"

namespace tilewright {
namespace {

constexpr double kPatience = 10;      // for answers
constexpr double kRenewSeconds = 5;   // a sixth of a lease
constexpr double kFenceSeconds = 25;  // without an answered renewal it drops what it runs
constexpr double kLeaseWait = 25;
constexpr size_t kMostUnproven = 20;

// Where an answer of the dispatcher's goes, noted before it is sent.
absl::StatusOr<ReportResult> Noted(const Surroundings& around, uint64_t attempt,
                                   absl::StatusOr<ReportResult> result) {
  if (!result.ok() || !around.server.Alive()()) return result;
  const bool recorded = *result == ReportResult::kRecorded ||
                        *result == ReportResult::kLateRecorded ||
                        *result == ReportResult::kDuplicate;
  if (recorded) around.witness.OnRecorded(around.server.RunId(attempt));
  return result;
}

// As the service does: what is leased in the same call is so after the result counts.
struct SentTrial {
  TrialReport trial;
  size_t room;  // for leases
};
template <typename Answer>
void ServeTrial(const Surroundings& around, Dispatcher& dispatcher, const SentTrial& sent,
                const std::function<void(Answer)>& reply) {
  dispatcher.Report(sent.trial, [=, &dispatcher](absl::StatusOr<ReportResult> result) {
    Answer answer{Noted(around, sent.trial.attempt, std::move(result))};
    if (answer.result.ok() && sent.room > 0) {
      dispatcher.Lease(sent.trial.session, sent.room, 0, [&](const auto& leased) {
        if (leased.ok()) answer.leased = *leased;
      });
    }
    reply(std::move(answer));
  });
}

// Once a withdrawal is answered no record of the attempt is trusted any more.
struct SentFault {
  FaultReport fault;
  uint64_t epoch;
};
void ServeFault(const Surroundings& around, Farm& farm, const SentFault& sent,
                const std::function<void(absl::StatusOr<ReportResult>)>& answer) {
  const FaultReport& fault = sent.fault;
  const uint64_t epoch = sent.epoch;
  if (epoch != farm.epoch() && !fault.withdraws) return answer(ReportResult::kDiscarded);
  const auto anybody = [](const Record&) { return absl::OkStatus(); };
  farm.ReportFault(fault, epoch, anybody,
                   [=, fault = sent.fault](absl::StatusOr<ReportResult> result) {
                     if (result.ok() && fault.withdraws && around.server.Alive()()) {
                       around.witness.OnWithdrawn(SimulatedServer::RunId(epoch, fault.attempt));
                     }
                     answer(std::move(result));
                   });
}

// What a worker says of itself: known before it has an effect.
struct OwnWord {
  std::string session, worker;
  bool healthy;
};
void Say(const Surroundings& around, Farm& farm, const OwnWord& word) {
  const auto& [session, worker, healthy] = word;
  if (healthy) around.rules.OnOwnWord(worker, true);
  const auto health = healthy ? WorkerHealth::kGood : WorkerHealth::kBad;
  const absl::Status said = farm.dispatcher().SetOwnHealth(session, health, "its disk is full");
  if (said.ok() && !healthy) around.rules.OnOwnWord(worker, false);
}

}  // namespace

template <typename... Arguments>
std::function<void(Arguments...)> SimulatedWorker::Mine(
    std::function<void(Arguments...)> what) const {
  return [this, life = life_, what = std::move(what)](Arguments... arguments) {
    if (is_up_ && life == life_) what(std::move(arguments)...);
  };
}

void SimulatedWorker::Later(double low, double high, void (SimulatedWorker::*what)()) {
  around_.world.After(around_.world.Uniform(low, high),
                      Mine(std::function<void()>([this, what] { (this->*what)(); })));
}

void SimulatedWorker::Boot() {
  if (is_up_ || is_banned_) return;
  ++life_;
  is_up_ = true;
  session_ = {};
  leases_ = false;
  traits_.info.incarnation = absl::StrCat(name(), "#", life_);
  Open();
  Later(0, kRenewSeconds, &SimulatedWorker::Renew);
  for (const auto& [number, report] : spool_) Send(number);
}

void SimulatedWorker::Crash() {
  is_up_ = false;
  held_.clear();
  unproven_.clear();
}

void SimulatedWorker::Heal() {
  traits_.fault_rate = traits_.forge_rate = 0;
  healthy_ = true;
  link_.cut_until = 0;
}

// ---- session -----------------------------------------------------------------------------------

void SimulatedWorker::Open() {
  using Reply = absl::StatusOr<Opened>;
  const auto serve = [info = info(), healthy = healthy_, around = around_](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    const absl::StatusOr<std::string> session = farm.dispatcher().OpenSession(info);
    if (!session.ok()) return answer(session.status());
    Say(around, farm, {*session, info.name, healthy});
    answer(Opened{*session, farm.epoch()});
  };
  around_.network.Call<Reply>(link_, kPatience, serve,
                              Mine(std::function<void(std::optional<Reply>)>(
                                  [this](std::optional<Reply> r) { OnOpened(std::move(r)); })));
}

void SimulatedWorker::OnOpened(std::optional<absl::StatusOr<Opened>> opened) {
  if (!opened || !opened->ok()) return Later(0.5, 4, &SimulatedWorker::Open);
  session_ = **opened;
  renewed_ = around_.world.Now();
  if (!std::exchange(leases_, true)) Lease();
}

void SimulatedWorker::OnNoSession() {
  if (session_.session.empty()) return;  // another call has noticed
  session_ = {};
  Open();
}

// ---- work --------------------------------------------------------------------------------------

void SimulatedWorker::Lease() {
  const size_t held = held_.size();
  if (session_.session.empty() || held >= info().capacity) {
    return Later(0.2, 1, &SimulatedWorker::Lease);
  }
  using Reply = absl::StatusOr<std::vector<LeasedTrial>>;
  const auto serve = [session = session_.session, room = info().capacity - held](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    farm.dispatcher().Lease(session, room, kLeaseWait, answer);
  };
  const auto take = [this, opened = session_](std::optional<Reply> reply) {
    OnLeased(opened, std::move(reply));
  };
  around_.network.Call<Reply>(link_, kLeaseWait + kPatience, serve,
                              Mine(std::function<void(std::optional<Reply>)>(take)));
}

void SimulatedWorker::OnLeased(const Opened& session,
                               std::optional<absl::StatusOr<std::vector<LeasedTrial>>> leased) {
  if (leased && absl::IsNotFound(leased->status())) OnNoSession();
  if (leased && leased->ok()) {
    for (const LeasedTrial& trial : **leased) Work({trial, session});
  }
  Later(0.01, 0.5, &SimulatedWorker::Lease);
}

void SimulatedWorker::Work(const Held& held) {
  held_[held.trial.attempt] = held;
  held.trial.module.empty() ? Run(held.trial.attempt) : FetchModule(held);
}

void SimulatedWorker::Run(uint64_t attempt) {
  around_.world.After(around_.world.Uniform(0.5, 12),
                      Mine(std::function<void()>([this, attempt] { Finish(attempt); })));
}

void SimulatedWorker::FetchModule(const Held& held) {
  using Reply = absl::StatusOr<ModulePtr>;
  const uint64_t attempt = held.trial.attempt;
  const auto serve = [session = held.session.session, attempt, around = around_](
                         Farm& farm, const std::function<void(Reply)>& answer) {
    const Reply module = farm.dispatcher().ModuleOf(session, attempt);
    if (module.ok() && around.server.IsRevoked((*module)->signer)) {
      around.witness.Violate("a module of a revoked builder is handed out");
    }
    answer(module);
  };
  const auto run = [this, attempt](std::optional<Reply> module) {
    module && module->ok() ? Run(attempt) : (void)held_.erase(attempt);
  };
  around_.network.Call<Reply>(link_, kPatience, serve,
                              Mine(std::function<void(std::optional<Reply>)>(run)));
}

// A layer's time depends on its option, and some networks do not compile.
std::string SimulatedWorker::TimesOf(const std::string& round) const {
  const absl::StatusOr<v1::NetworkRound> read = ReadNetworkRound(round);
  v1::NetworkTimes times;
  if (!read.ok()) {
    around_.witness.Violate(absl::StrCat("a round is refused: ", read.status().message()));
  } else if (around_.world.Chance(0.05)) {
    times.set_left_out("it does not compile");
  }
  if (!read.ok() || !times.left_out().empty()) return times.SerializeAsString();
  for (const v1::NetworkMix& mix : read->mixes()) {
    v1::NetworkRuns& runs = *times.add_mixes();
    for (uint32_t i = 0; i < read->least_rounds(); ++i) {
      v1::NetworkSeconds& run = *runs.add_rounds();
      for (const uint32_t option : mix.options()) {
        run.add_layers(around_.world.Uniform(1e-3, 1.1e-3) / (1 + 0.05 * option));
        run.set_whole(run.whole() + run.layers(run.layers_size() - 1));
      }
    }
  }
  return times.SerializeAsString();
}

SimulatedWorker::Report SimulatedWorker::ReportOf(const Held& held) {
  World& world = around_.world;
  const LeasedTrial& leased = held.trial;
  const std::string& session = held.session.session;
  if (world.Chance(traits_.fault_rate)) {
    const bool of_builder = !leased.module.empty() && world.Chance(0.3);
    return FaultReport{session, leased.attempt, leased.fence, "its disk is full", of_builder};
  }
  const Task& task = *leased.request.task;
  if (leased.request.network) {
    return NetworkReport{session, leased.attempt, leased.fence, TimesOf(*leased.request.network)};
  }
  Measured measured{.build_seconds = 0.25, .run_seconds = 0.5};
  measured.outcome = around_.device.Measure(task, Flops(task.workload), leased.request.config);
  auto* timing = std::get_if<Timing>(&measured.outcome);
  if (timing && info().role == WorkerRole::kBuild) {
    return BuiltReport{session,
                       leased.attempt,
                       leased.fence,
                       {.sha256 = absl::StrCat("module-", leased.attempt),
                        .payload = std::string(1000, 'm'),
                        .signer = name(),
                        .build_seconds = 0.25}};
  }
  if (timing) {
    for (double& seconds : timing->seconds) seconds *= world.Uniform(1, 1.1);
  }
  return TrialReport{session, leased.attempt, leased.fence, std::move(measured)};
}

void SimulatedWorker::Finish(uint64_t attempt) {
  const auto held = held_.find(attempt);
  if (held == held_.end()) return;  // dropped meanwhile
  Report report = ReportOf(held->second);
  const uint64_t epoch = held->second.session.epoch;
  const auto* measured = std::get_if<TrialReport>(&report);
  if (measured && around_.world.Chance(traits_.forge_rate)) {
    TrialReport forged = *measured;
    forged.measured.outcome = Timing{{1.5}};
    Keep(std::move(forged), epoch);
  }
  Keep(std::move(report), epoch);
}

// ---- reports -----------------------------------------------------------------------------------

void SimulatedWorker::Distrust() {
  if (!is_up_) return;
  healthy_ = false;
  for (const Spooled& suspect : std::exchange(unproven_, {})) {
    const auto& report = std::get<TrialReport>(suspect.report);
    Keep(FaultReport{.session = report.session,
                     .attempt = report.attempt,
                     .fence = report.fence,
                     .reason = "its test kernel is slow",
                     .withdraws = true},
         suspect.epoch);
  }
}

void SimulatedWorker::Keep(Report report, uint64_t epoch) {
  const uint64_t number = ++spooled_;
  if (std::holds_alternative<TrialReport>(report)) unproven_.push_back({report, epoch});
  if (unproven_.size() > kMostUnproven) unproven_.pop_front();
  spool_[number] = {std::move(report), epoch};
  Send(number);
}

void SimulatedWorker::Send(uint64_t number) {
  if (!spool_.contains(number)) return;
  // Of those that lease in the same call.
  const size_t room = around_.world.Chance(0.5) && held_.size() <= info().capacity ? 1 : 0;
  const auto serve = [spooled = spool_.at(number), around = around_, room](
                         Farm& farm, const std::function<void(Answer)>& reply) {
    const auto answer = [reply](absl::StatusOr<ReportResult> result) {
      reply({std::move(result)});
    };
    if (const auto* fault = std::get_if<FaultReport>(&spooled.report)) {
      return ServeFault(around, farm, {*fault, spooled.epoch}, answer);
    }
    if (spooled.epoch != farm.epoch()) return answer(ReportResult::kDiscarded);
    Dispatcher& dispatcher = farm.dispatcher();
    if (const auto* trial = std::get_if<TrialReport>(&spooled.report)) {
      ServeTrial<Answer>(around, dispatcher, {*trial, room}, reply);
    } else if (const auto* network = std::get_if<NetworkReport>(&spooled.report)) {
      around.rules.OnOver(network->attempt);
      answer(dispatcher.ReportNetwork(*network));
    } else {
      const auto& built = std::get<BuiltReport>(spooled.report);
      // The attempt is over before what it built is leased.
      around.rules.OnOver(built.attempt);
      answer(dispatcher.ReportBuilt(built));
    }
  };
  around_.network.Call<Answer>(
      link_, kPatience, serve,
      Mine(std::function<void(std::optional<Answer>)>(
          [this, number, session = session_](std::optional<Answer> a) {
            if (a) Take(session, a->leased);
            OnAnswered(number, a ? std::optional(std::move(a->result)) : std::nullopt);
          })));
}

// Leased under the session of the report, which must be the worker's still.
void SimulatedWorker::Take(const Opened& session, const std::vector<LeasedTrial>& leased) {
  if (session.session != session_.session) return;
  for (const LeasedTrial& trial : leased) Work({trial, session});
}

void SimulatedWorker::OnAnswered(uint64_t number,
                                 std::optional<absl::StatusOr<ReportResult>> answer) {
  const auto it = spool_.find(number);
  if (it == spool_.end()) return;
  if (!answer || absl::IsUnavailable(answer->status())) {
    around_.world.After(around_.world.Uniform(0.3, 3),
                        Mine(std::function<void()>([this, number] { Send(number); })));
    return;
  }
  if (!answer->ok()) {
    around_.witness.Violate(
        absl::StrCat("a report of ", name(), " is refused: ", answer->status().message()));
  }
  std::visit([this](const auto& report) { held_.erase(report.attempt); }, it->second.report);
  spool_.erase(it);
}

void SimulatedWorker::Renew() {
  Later(kRenewSeconds, kRenewSeconds, &SimulatedWorker::Renew);
  World& world = around_.world;
  if (world.Now() - renewed_ > kFenceSeconds) held_.clear();
  if (session_.session.empty()) return;
  using Reply = absl::StatusOr<std::vector<uint64_t>>;
  std::vector<uint64_t> held;
  for (const auto& [attempt, trial] : held_) held.push_back(attempt);
  const auto serve = [session = session_.session, held, healthy = healthy_, worker = name(),
                      around = around_](Farm& farm, const std::function<void(Reply)>& answer) {
    const Reply dropped = farm.dispatcher().Renew(session, held);
    Say(around, farm, {session, worker, healthy});
    answer(dropped);
  };
  around_.network.Call<Reply>(link_, kPatience, serve,
                              Mine(std::function<void(std::optional<Reply>)>(
                                  [this](std::optional<Reply> r) { OnRenewed(std::move(r)); })));
}

void SimulatedWorker::OnRenewed(std::optional<absl::StatusOr<std::vector<uint64_t>>> dropped) {
  if (!dropped) return;
  if (absl::IsNotFound(dropped->status())) return OnNoSession();
  if (!dropped->ok()) return;
  renewed_ = around_.world.Now();
  for (const uint64_t attempt : **dropped) held_.erase(attempt);
}

}  // namespace tilewright
