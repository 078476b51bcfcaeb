#include "worker/agent/agent_parts.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "proto/convert.h"
#include "proto/simulated_key.h"
#include "runtime/cpu_info.h"
#include "worker/machine/this_machine.h"

namespace tilewright {
namespace {

// A slot that is slower than at the start by this factor is not fit to compare kernels on: beyond
// what clocks that follow heat and load do.
constexpr double kSlowFactor = 1.3;
// GPUs raise their clocks when they have work, and a small kernel is not much.
constexpr double kSlowDeviceFactor = 2;
constexpr int kCheckupTries = 3;
// Modules fetched at once by a worker that only runs: a slow reference holds up one of them.
constexpr int kFetchers = 2;

// Whatever cores its driver takes: the process is kept, and its threads with it.
absl::Status OpenDevice(AgentParts* parts) {
  const AgentOptions& options = parts->options;
  parts->device_name = CpuName();
  if (options.device.empty()) return absl::OkStatus();
  if (options.slots != 1 || options.slot_cores != 1) {
    return absl::InvalidArgumentError("a device has one slot; leave out --slots and --slot-cores");
  }
  TW_ASSIGN_OR_RETURN(parts->device,
                      DeviceRunner::Start({.path = options.device_runner,
                                           .device = options.device,
                                           .cores = runtime::AllowedCpus(),
                                           .folder = parts->folder->path(),
                                           .require_sandbox = options.require_sandbox}));
  parts->device_name = parts->device->facts().name;
  if (!parts->device->compiles()) return absl::OkStatus();
  // The driver's compilers give way to what the device times: they may have the slot's core, too.
  parts->cores.others = runtime::AllowedCpus();
  ++parts->cores.builders;
  return absl::OkStatus();
}

absl::Status CheckRole(const AgentOptions& options) {
  if (options.slots < 1 && options.role != v1::WORKER_ROLE_BUILD) {
    return absl::InvalidArgumentError(absl::StrCat(options.slots, " slots: nothing could run"));
  }
  if (options.role == v1::WORKER_ROLE_BOTH) {
    if (options.target.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("a target is chosen only with --role build or run");
  }
  if (!options.device.empty()) {
    return absl::InvalidArgumentError(
        "a device's kernels are built where they run: leave out --device or --role");
  }
  if (options.role == v1::WORKER_ROLE_RUN && options.target.empty()) {
    return absl::InvalidArgumentError("a worker that only runs needs its machine's --target");
  }
  return options.target.empty() ? absl::OkStatus() : ParseTarget(options.target).status();
}

// Whose modules are not run: what this machine was told, beside what servers have passed on.
absl::Status OpenRevocations(AgentParts* parts) {
  const AgentOptions& options = parts->options;
  const Credentials* own = options.server.credentials.get();
  if (!own || options.role != v1::WORKER_ROLE_RUN) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(auto file,
                      RevocationFile::Open(own->revocation_path(), own->authority, options.warn));
  parts->revoked =
      std::make_unique<KnownRevocations>(own->authority, std::move(file), options.spool_folder);
  return absl::OkStatus();
}

// Simulated and real trials never meet.
absl::Status CheckKey(const AgentOptions& options) {
  if (IsSimulatedKey(options.key) == static_cast<bool>(options.simulate)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      options.simulate ? "a simulated worker cannot serve the key \"" : "the key \"", options.key,
      options.simulate ? "\" of real ones: take \"" : "\" is for simulated workers: theirs are \"",
      Sv(kSimulatedKey), "\" and what begins with \"", Sv(kSimulatedKey), "-\""));
}

absl::Status CheckSimulated(const AgentOptions& options) {
  if (options.role != v1::WORKER_ROLE_BOTH || !options.device.empty()) {
    return absl::InvalidArgumentError("a simulated worker has no --device and no --role");
  }
  if (options.slots < 1 || !(options.simulated_seconds >= 0) ||
      options.simulated_seconds > kMostSimulatedSeconds) {
    return absl::InvalidArgumentError(absl::StrCat("a simulated worker of ", options.slots,
                                                   " slots and ", options.simulated_seconds,
                                                   " s a trial; at most ", kMostSimulatedSeconds));
  }
  return ParseTarget(options.target).status();
}

// Slots without cores: as many as are asked for.
absl::StatusOr<AgentParts> SimulatedParts(const AgentOptions& options) {
  TW_RETURN_IF_ERROR(CheckSimulated(options));
  AgentParts parts{.options = options, .target = options.target, .device_name = "simulated"};
  parts.options.checkup_seconds = 0;
  parts.cores.slots.resize(static_cast<size_t>(options.slots));
  parts.cores.builders = options.slots;
  parts.cores.others = runtime::AllowedCpus();
  TW_ASSIGN_OR_RETURN(parts.folder, PrivateFolder::Make(options.temp_folder));
  if (!options.spool_folder.empty()) {
    TW_ASSIGN_OR_RETURN(parts.spool, Spool::Open(options.spool_folder));
  }
  return parts;
}

}  // namespace

absl::StatusOr<AgentParts> MakeAgentParts(const AgentOptions& options) {
  TW_RETURN_IF_ERROR(CheckKey(options));
  if (options.simulate) return SimulatedParts(options);
  TW_RETURN_IF_ERROR(CheckRole(options));
  AgentParts parts{.options = options};
  if (options.role == v1::WORKER_ROLE_BUILD) parts.options.slots = 0;
  TW_ASSIGN_OR_RETURN(parts.cores,
                      PlanThisMachine({parts.options.slots, parts.options.slot_cores}));
  TW_RETURN_IF_ERROR(OpenRevocations(&parts));
  TW_ASSIGN_OR_RETURN(parts.folder, PrivateFolder::Make(options.temp_folder));
  TW_RETURN_IF_ERROR(OpenDevice(&parts));
  TW_ASSIGN_OR_RETURN(const SelfTestResult test, RunSelfTest(parts.self_test(), nullptr));
  parts.target = options.target.empty() ? test.target : options.target;
  parts.slot_seconds = test.slot_seconds;
  TW_ASSIGN_OR_RETURN(parts.canary, Canary::Make(CanaryOf(parts.self_test(), nullptr)));
  if (!options.spool_folder.empty()) {
    TW_ASSIGN_OR_RETURN(parts.spool, Spool::Open(options.spool_folder));
  }
  if (!test.lacking.empty()) {
    parts.cores.remarks.push_back(
        absl::StrCat("kernels are less confined than they could be: this machine lacks ",
                     test.lacking, " (--require-sandbox refuses to serve so)"));
  }
  return parts;
}

bool TakesNetworks(const AgentOptions& options) {
  return options.role == v1::WORKER_ROLE_BOTH && options.device.empty() &&
         !options.network_runner.empty() && !options.simulate;
}

std::string NewIncarnation() {
  std::random_device device;
  std::string text;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&text, absl::Hex(device(), absl::kZeroPad8));
  return text;
}

v1::OpenSessionRequest Introduction(const AgentParts& parts) {
  v1::OpenSessionRequest request;
  request.set_protocol_min(kProtocolVersion);
  request.set_protocol_max(kProtocolVersion);
  request.set_software("tilewright " TILEWRIGHT_VERSION);
  v1::Device& device = *request.mutable_device();
  device.set_key(parts.options.key);
  device.set_name(parts.device_name);
  device.set_target(parts.target);
  device.set_slots(static_cast<uint32_t>(parts.cores.slots.size()));
  device.set_slot_cores(static_cast<uint32_t>(parts.options.slot_cores));
  request.set_role(parts.options.role);
  request.set_networks(TakesNetworks(parts.options));
  return request;
}

std::string RoleText(v1::WorkerRole role) {
  switch (role) {
    case v1::WORKER_ROLE_BUILD: return ", only builds";
    case v1::WORKER_ROLE_RUN: return ", only runs";
    default: return "";
  }
}

// Noise makes a kernel slower, never faster: the best of a few tries counts.
absl::Status CheckUp(const AgentParts& parts, size_t slot) {
  const double factor = parts.device ? kSlowDeviceFactor : kSlowFactor;
  double best = 0;
  for (int i = 0; i < kCheckupTries; ++i) {
    TW_ASSIGN_OR_RETURN(const double seconds, parts.canary->Run(parts.cores.slots[slot]));
    best = i == 0 ? seconds : std::min(best, seconds);
    if (best <= factor * parts.slot_seconds[slot]) return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("slot ", slot, " has become slow: the test kernel takes ",
                                          best * 1e3, " ms, at the start ",
                                          parts.slot_seconds[slot] * 1e3, " ms"));
}

absl::Status TestAgain(const AgentParts& parts, const Interrupt* interrupt) {
  if (parts.options.simulate) return absl::OkStatus();
  TW_RETURN_IF_ERROR(RunSelfTest(parts.self_test(), interrupt).status());
  if (parts.options.checkup_seconds <= 0) return absl::OkStatus();
  for (size_t slot = 0; slot < parts.cores.slots.size(); ++slot) {
    TW_RETURN_IF_ERROR(CheckUp(parts, slot));
  }
  return absl::OkStatus();
}

PipelineSetup SetupOf(const AgentParts& parts) {
  PipelineSetup setup{.runner = parts.options.runner,
                      .builder = parts.options.builder,
                      .network_runner = parts.options.network_runner,
                      .folder = parts.folder->path(),
                      .builders = parts.options.builders,
                      .cores = parts.cores,
                      .require_sandbox = parts.options.require_sandbox,
                      .device = parts.device.get()};
  if (parts.options.checkup_seconds > 0) {
    setup.checkup_seconds = parts.options.checkup_seconds;
    setup.checkup = [&parts](size_t slot) { return CheckUp(parts, slot); };
  }
  if (setup.builders == 0) setup.builders = parts.cores.builders;
  setup.only_builds = parts.options.role == v1::WORKER_ROLE_BUILD;
  if (parts.options.role == v1::WORKER_ROLE_RUN) setup.builders = kFetchers;
  if (parts.options.simulate) {
    setup.builders = parts.cores.builders;
    setup.simulate = [&parts](const WorkerTrial& trial) {
      std::this_thread::sleep_for(std::chrono::duration<double>(parts.options.simulated_seconds));
      return parts.options.simulate(trial.task, trial.config);
    };
  }
  return setup;
}

}  // namespace tilewright
