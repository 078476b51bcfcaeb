// What a worker is made of before it dials in, and how its slots are checked afterwards. Used by
// the agent.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "security/known_revocations.h"
#include "worker/agent/agent.h"
#include "worker/agent/canary.h"
#include "worker/agent/self_test.h"
#include "worker/agent/spool.h"
#include "worker/machine/core_plan.h"
#include "worker/pipeline/pipeline.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/device_runner.h"

namespace tilewright {

// Everything that must be there before a worker dials in.
struct AgentParts {
  AgentOptions options;
  CorePlan cores;
  std::unique_ptr<PrivateFolder> folder;
  std::unique_ptr<DeviceRunner> device;  // null: the CPU
  std::unique_ptr<Spool> spool;          // may be null
  std::unique_ptr<Canary> canary;        // for checkups
  // Whose modules are not run; null without TLS, and where nothing is run that others built.
  std::unique_ptr<KnownRevocations> revoked;
  std::vector<double> slot_seconds;  // of the canary at the start
  std::string target;
  std::string device_name;  // for people and records

  SelfTestSetup self_test() const {
    const bool builds = options.role != v1::WORKER_ROLE_RUN;
    return {.runner = options.runner,
            .builder = builds ? options.builder : "",
            .prebuilt = options.canary,
            .folder = folder->path(),
            .cores = cores,
            .device = device.get(),
            .require_sandbox = options.require_sandbox};
  }
};

// Plans the cores, tests this machine and opens the spool. What the machine lacks is a remark of
// the core plan. Errors as Agent::Start's.
absl::StatusOr<AgentParts> MakeAgentParts(const AgentOptions& options);

// Whole networks are compiled and run by one worker, on its CPU; no simulated one takes them.
bool TakesNetworks(const AgentOptions& options);

// 128 bits that tell this process from any other.
std::string NewIncarnation();
// What the server is told of this machine; the name, the process, the capacity and the health are
// to be filled in.
v1::OpenSessionRequest Introduction(const AgentParts& parts);

// Of a line that says who serves: ", only builds"; empty for a worker that does both.
std::string RoleText(v1::WorkerRole role);

// DataLoss with both times: a slot has become slow since the start; or as Canary::Run.
absl::Status CheckUp(const AgentParts& parts, size_t slot);
// The self test and the same of all slots, once a machine shall serve again. Statuses as of
// RunSelfTest and CheckUp.
absl::Status TestAgain(const AgentParts& parts, const Interrupt* interrupt);

// `parts` must outlive the pipeline.
PipelineSetup SetupOf(const AgentParts& parts);

}  // namespace tilewright
