// What is asked of the dispatcher and what it hands out. Values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "compiler/core/task.h"
#include "proto/measure_options.h"
#include "tuner/measure/measurer.h"

namespace tilewright {

// The most bytes of a name in a request: of a key, a worker, a job, an owner.
inline constexpr size_t kMaxName = 200;

struct TrialRequest {
  std::string job;
  std::string device_key;
  // Never null; shared by the trials of a task, whose text is long.
  std::shared_ptr<const Task> task = std::make_shared<const Task>();
  Config config;
  uint64_t index = 0;  // in the task's space
  MeasureOptions options;
  uint64_t number = 0;  // of the trial in its job, from 1
  std::string owner;    // whose share of the key it counts against
  uint32_t weight = 1;  // of the job among its owner's jobs
  // A whole network to be timed instead of a config of the task, which then only says for which
  // target it is: a serialised v1::NetworkRound, only passed on. Null: a kernel.
  std::shared_ptr<const std::string> network;
};

// What a worker says of itself, or a server found: may it be given work?
enum class WorkerHealth { kGood, kUnknown, kBad, kMaintenance, kRetired };

// Builds and runs; or only one of the two, for workers that do the other.
enum class WorkerRole { kBoth, kBuild, kRun };
std::string NameOf(WorkerRole role);  // "both", "build", "run"

struct WorkerInfo {
  std::string name;
  std::string device_key, device;
  std::string target;  // canonical text
  uint32_t slots = 1;
  uint32_t slot_cores = 1;  // the most threads of a kernel
  uint32_t capacity = 1;    // trials it likes to hold
  std::string incarnation;  // made by each process; empty: unknown
  WorkerRole role = WorkerRole::kBoth;
  bool networks = false;  // takes whole networks; only a worker that builds and runs does
};

// What a builder built of a trial, on its way to a runner. Only passed on, never looked into.
struct BuiltModule {
  std::string sha256;   // of the module, hexadecimal
  std::string payload;  // a serialised SignedModule
  std::string builder;  // name of the worker
  std::string signer;   // serial of the certificate it is signed by; empty: without TLS
  double build_seconds = 0;
};
using ModulePtr = std::shared_ptr<const BuiltModule>;

struct LeasedTrial {
  uint64_t attempt = 0;
  uint64_t fence = 0;
  TrialRequest request;
  std::string module;  // SHA-256 of what is to be run; empty: to be built
};

struct TrialReport {
  std::string session;
  uint64_t attempt = 0;
  uint64_t fence = 0;
  Measured measured;
};

// The worker's own failure while it held an attempt: says nothing of the config.
struct FaultReport {
  std::string session;
  uint64_t attempt = 0;
  uint64_t fence = 0;
  std::string reason;
  bool of_builder = false;  // counts against the worker that built the module
  bool withdraws = false;   // found after the result: that is not to be trusted
};

// A build that ended well, of a worker that only builds.
struct BuiltReport {
  std::string session;
  uint64_t attempt = 0;
  uint64_t fence = 0;
  BuiltModule module;
};

// What a worker told of a whole network: a serialised v1::NetworkTimes.
struct NetworkReport {
  std::string session;
  uint64_t attempt = 0;
  uint64_t fence = 0;
  std::string times;
};

// A measurement to be made durable.
struct FinishedTrial {
  TrialRequest request;
  WorkerInfo worker;
  Measured measured;
  uint64_t attempt = 0;
  bool late = false;  // its lease was over or its job cancelled
};

// False for a time in which no device of the kind could do the workload's operations.
bool IsPossible(const Task& task, const Outcome& outcome);

enum class ReportResult {
  kRecorded,
  kDuplicate,
  kLateRecorded,
  kConflict,
  kDiscarded,
  kRequeued,
  kWaitsForRun,
};

}  // namespace tilewright
