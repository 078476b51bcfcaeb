// The worker: dials in to a server, leases trials, renews, reports. Survives the server's restarts.
//
// It registers only after a self test has built and run a kernel with a known answer. When it
// fails itself (no disk, no builder, no runner) it says so, hands its trials back, records nothing
// and takes no more work until the self test passes again.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "proto/channel.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

// A worker stops within 10 s, and a simulated trial is not interrupted.
inline constexpr double kMostSimulatedSeconds = 5;

struct AgentOptions {
  Endpoint server;
  std::string key;  // device key
  // For people; where another process of this name serves already, something is appended.
  std::string name;
  std::string device;           // "opencl:0", "cuda:1"; empty: the CPU
  std::string runner, builder;  // paths of the executables
  std::string device_runner;    // the same; only with a device
  std::string network_runner;   // the same; empty: takes no whole networks
  // Trials that are only built here are run by workers that only run, and the other way round.
  v1::WorkerRole role = v1::WORKER_ROLE_BOTH;
  // To build for, or what this machine is where it only runs (then needed); empty: this machine's.
  std::string target;
  std::string canary;       // the test kernel's library; only where nothing is built
  std::string temp_folder;  // a private folder is made in it, and removed at the end
  // Finished reports are kept here until the server has them, and what revocation lists a worker
  // that runs what others built has met, for good; workers may share it. Empty: nowhere.
  std::string spool_folder;
  int slots = 1;
  int slot_cores = 1;  // of each slot: the most threads a kernel is timed with
  int builders = 0;    // 0: as many as the cores beside the slots bear
  // A worker without a device: nothing is built or run, each trial is answered by this, on several
  // threads, `simulated_seconds` after it came to a slot. `target` says what for; the key is one of
  // proto/simulated_key.h, which no other worker may have. Null: a real worker.
  std::function<Outcome(const Task&, const Config&)> simulate;
  double simulated_seconds = 0;  // at most kMostSimulatedSeconds
  // Do not serve where kernels cannot be confined by namespaces, Landlock and seccomp.
  bool require_sandbox = false;
  // How often each slot that works runs the test kernel: a wrong answer or a much slower one than
  // at the start ends the slot's trust. 0: never.
  double checkup_seconds = 0;
  // Self tests in a row that may fail before `ended` is called; 0: no limit.
  int max_self_tests = 0;
  // One line, any thread; may be null. `log`: what goes on; `warn`: what is wrong with this worker.
  std::function<void(const std::string&)> log, warn;
  // There is no use in going on: Ok when the farm has retired this worker, InvalidArgument when the
  // server refuses what it says of itself, else why. Any thread, once at most; may be null. The
  // agent waits to be destroyed.
  std::function<void(absl::Status)> ended;
};

class Agent {
 public:
  // Tests itself, then dials in in the background. InvalidArgument for impossible options,
  // Unavailable with the reason when this machine cannot build, write or run.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const AgentOptions& options);
  // Stops leasing, finishes and reports what is soon done, hands the rest back: at most 10 s.
  virtual ~Agent() = default;

 protected:
  Agent() = default;
};

}  // namespace tilewright
