// tilewright worker: offers this machine's device to a server.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/server_option.h"
#include "cli/executable.h"
#include "cli/exit_code.h"
#include "cli/paths.h"
#include "cli/tuning/log_options.h"
#include "cli/tuning/signals.h"
#include "cli/verb.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "tuner/replay/simulated_device.h"
#include "worker/agent/agent.h"
#include "worker/machine/this_machine.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright worker --server 10.0.0.5:9190 --key xeon\n"
    "  serving 10.0.0.5:9190 as rack3-3fa9c1, key xeon, 1 slot(s), cpu -mcpu=sapphirerapids\n"
    "A GPU, or what OpenCL takes for one:\n"
    "  $ tilewright worker --server 10.0.0.5:9190 --key h100 --device cuda:0\n"
    "A board that only runs what a big machine builds for it:\n"
    "  $ tilewright worker --server 10.0.0.5:9190 --key rpi4 --role run\n"
    "  $ tilewright worker --server 10.0.0.5:9190 --key rpi4 --role build \\\n"
    "      --target 'cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72'\n"
    "No device at all: to rehearse a farm, or put it under load\n"
    "  $ tilewright worker --server 127.0.0.1:9190 --key simulated --simulate synthetic:7\n";

// Whoever runs `tune` waits for an answer; a worker of a farm waits for its disk to be cleared.
constexpr int kEmbeddedSelfTests = 3;
constexpr double kCheckupSeconds = 600;

struct Options {
  AgentOptions agent;
  std::string role = "both";
  std::string simulate;  // a space; empty: a real worker
  ServerOption server;
  LogOptions log;
  bool embedded = false;
};

void Say(const std::string& line) { std::cerr << line + "\n" << std::flush; }

// Where the reason for ending waits until the main thread has been woken.
class Ended {
 public:
  void Set(absl::Status why) {
    {
      std::lock_guard lock(mutex_);
      why_ = std::move(why);
    }
    kill(getpid(), SIGTERM);
  }
  absl::Status Get() {
    std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  std::mutex mutex_;
  absl::Status why_;
};

// A worker bears the name of its certificate, which must be a worker's of its key: said here,
// rather than by the server again and again.
absl::Status TakeIdentity(AgentOptions* agent) {
  if (!agent->server.credentials) return absl::OkStatus();
  const Credentials& own = *agent->server.credentials;
  const Identity& identity = own.facts.identity;
  const auto& keys = identity.keys;
  if (std::find(keys.begin(), keys.end(), agent->key) == keys.end()) {
    return absl::PermissionDeniedError(absl::StrCat(
        own.folder, " holds the certificate of ", NameOf(identity.role), " ", identity.name,
        keys.empty() ? "" : " for ", absl::StrJoin(keys, ", "),
        "; issue one with: tilewright certs issue worker ", identity.name, " --key ", agent->key));
  }
  if (agent->name.empty()) agent->name = identity.name;
  return absl::OkStatus();
}

// Where the builder is not asked, this program says what the machine is.
absl::Status TakeRole(const std::string& role, AgentOptions* agent) {
  if (role == "build") agent->role = v1::WORKER_ROLE_BUILD;
  if (role == "run") agent->role = v1::WORKER_ROLE_RUN;
  if (role == "both" || (role == "build" && agent->target.empty())) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(Target target, ParseTarget(agent->target.empty() ? "cpu" : agent->target));
  TW_ASSIGN_OR_RETURN(target, ResolveTarget(target));
  agent->target = ToString(target);
  return absl::OkStatus();
}

// What a recorded space was recorded for, else this machine.
absl::Status TakeSimulation(const std::string& space, AgentOptions* agent) {
  if (space.empty()) return absl::OkStatus();
  absl::StatusOr<SimulatedDevice> opened = SimulatedDevice::Open(space);
  if (!opened.ok()) return BadInput(opened.status());
  const auto device = std::make_shared<const SimulatedDevice>(*std::move(opened));
  if (agent->target.empty()) {
    TW_ASSIGN_OR_RETURN(const Target target, ResolveTarget(device->target().value_or(Target{})));
    agent->target = ToString(target);
  }
  agent->simulate = [device](const Task& task, const Config& config) {
    return device->Measure(task, Flops(task.workload), config);
  };
  return absl::OkStatus();
}

absl::Status Work(Options options) {
  if (options.embedded) DieWithParent();
  BlockSignals();
  TW_ASSIGN_OR_RETURN(options.agent.server, EndpointOf(options.server));
  TW_RETURN_IF_ERROR(TakeIdentity(&options.agent));
  TW_RETURN_IF_ERROR(TakeRole(options.role, &options.agent));
  TW_RETURN_IF_ERROR(TakeSimulation(options.simulate, &options.agent));
  const std::filesystem::path folder = ExecutableFolder();
  options.agent.runner = folder / "tilewright-runner";
  options.agent.builder = folder / "tilewright-builder";
  options.agent.canary = folder / "tilewright-canary.so";
  options.agent.device_runner = folder / "tilewright-device-runner";
  const std::filesystem::path network_runner = folder / "tilewright-network-runner";
  if (std::filesystem::exists(network_runner)) options.agent.network_runner = network_runner;
  if (options.agent.name.empty()) options.agent.name = DefaultWorkerName();
  if (options.agent.temp_folder.empty()) {
    options.agent.temp_folder = TempFolder();
  }
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<Log> log, OpenLog(options.log));
  options.agent.warn = Say;
  if (!options.embedded) {
    const LogFields who = {{"worker", options.agent.name}, {"key", options.agent.key}};
    options.agent.log = [&log, who](const std::string& line) { log->Info(line, who); };
    options.agent.warn = [&log, who](const std::string& line) { log->Warn(line, who); };
    options.agent.checkup_seconds = kCheckupSeconds;
    if (options.agent.spool_folder.empty()) options.agent.spool_folder = DataFolder() + "/spool";
  }
  Ended ended;
  if (options.embedded) {
    options.agent.max_self_tests = kEmbeddedSelfTests;
  }
  options.agent.ended = [&](absl::Status why) { ended.Set(std::move(why)); };
  {
    TW_ASSIGN_OR_RETURN(const auto agent, Agent::Start(options.agent));
    WaitForSignal();
  }
  return ended.Get();
}

// What is offered, and to do what.
void AddOfferOptions(CLI::App* verb, Options* options) {
  AgentOptions& agent = options->agent;
  verb->add_option("--key", agent.key, "the name under which jobs ask for this device")
      ->required()
      ->check(OneLine());
  verb->add_option("--device", agent.device,
                   "cuda:N, opencl:N, ...: a kind, and which of those that `tilewright targets` "
                   "lists (default: the CPU)");
  verb->add_option("--role", options->role,
                   "build: only builds, for workers of the same key and target with --role run; "
                   "run: only runs what those with --role build have built and signed; whole "
                   "networks, at a job's end, are timed by workers of the role both only")
      ->check(CLI::IsMember({"build", "run", "both"}))
      ->capture_default_str();
  verb->add_option("--target", agent.target,
                   "with --role build: what to build for; with --role run: what this machine is; "
                   "with --simulate: what to be (default: this machine, or what was recorded for)");
  CLI::Option* simulate = verb->add_option(
      "--simulate", options->simulate,
      "no device: answer with the times of a recorded space (a file), or synthetic:SEED; the key "
      "is \"simulated\" or begins with \"simulated-\", and no look-up uses the records");
  verb->add_option("--simulated-seconds", agent.simulated_seconds,
                   "with --simulate: how long each trial takes")
      ->needs(simulate)
      ->check(CLI::Range(0.0, kMostSimulatedSeconds))
      ->capture_default_str();
}

// What of the machine it may use.
void AddMachineOptions(CLI::App* verb, AgentOptions* agent) {
  verb->add_option("--slots", agent->slots,
                   "kernels timed at once, each on physical cores of its own")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--slot-cores", agent->slot_cores,
                   "physical cores of a slot: the most threads that jobs may time kernels with")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--builders", agent->builders,
                   "compilers at once (default: as many as the other cores bear)")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--temp", agent->temp_folder, "where kernels are kept (default: $TMPDIR)");
  verb->add_option("--spool", agent->spool_folder,
                   "where finished reports wait for the server (default: the data folder)");
  verb->add_flag("--require-sandbox", agent->require_sandbox,
                 "do not serve where namespaces, Landlock and seccomp cannot confine kernels");
}

}  // namespace

void verb_worker(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"worker", "offers this machine's device to a server", kExample},
                           [options] { return Work(*options); });
  AddServerOption(verb, &options->server);
  AddLogOptions(verb, &options->log);
  AddOfferOptions(verb, options.get());
  verb->add_option("--name", options->agent.name,
                   "for people (default: the certificate's, or hostname and six random digits)")
      ->check(OneLine());
  AddMachineOptions(verb, &options->agent);
  verb->add_flag("--embedded", options->embedded)->group("");  // started by `tune`
}

}  // namespace tilewright
