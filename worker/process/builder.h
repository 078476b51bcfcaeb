// Compiles in a child process that is kept: a compiler that crashes or hangs is an outcome, and
// the next build gets a new child. One build at a time; not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/kernel.h"
#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "worker/process/child.h"
#include "worker/process/interrupt.h"

namespace tilewright {

struct BuilderOptions {
  std::string path;                      // of tilewright-builder
  std::vector<int> cores;                // empty: any
  std::string folder;                    // the only one it may write to; empty: any
  const Interrupt* interrupt = nullptr;  // ends a build; outlives the builder
};

// A compiled task whose library is a file.
struct BuiltKernel {
  std::string library;  // path
  CompiledTask task;    // but for `so`
};
// What became of a candidate.
using BuildResult = std::variant<BuiltKernel, Failure>;
// The workload of each call of a package's plan, "" for none.
using NetworkBuild = std::variant<std::vector<std::string>, Failure>;

// The failures of the farm itself are statuses, never results: Unavailable when the builder does
// not start, is killed from outside or cannot go on; ResourceExhausted when it cannot write;
// Internal when it answers what it should not; Cancelled when interrupted.
class Builder {
 public:
  explicit Builder(BuilderOptions options) : options_(std::move(options)) {}

  // The host as a resolved target.
  absl::StatusOr<std::string> HostTarget();
  // Writes the library to `path`; after a failure there may be part of it.
  absl::StatusOr<BuildResult> BuildTask(const Task& task, const Config& config,
                                        const std::string& path, double limit_seconds);
  absl::StatusOr<BuildResult> BuildReference(const Task& task, const std::string& path,
                                             double limit_seconds);
  // Makes the package that the request, JSON of worker/builder/network.h, asks for. A failure is
  // the network's.
  absl::StatusOr<NetworkBuild> BuildNetwork(const std::string& request, double limit_seconds);

 private:
  absl::Status EnsureStarted();
  absl::StatusOr<std::variant<std::string, Failure>> Exchange(const std::string& request,
                                                              double limit_seconds);
  absl::StatusOr<BuildResult> Ask(const std::string& request, const std::string& path,
                                  double limit_seconds);
  absl::StatusOr<Failure> JudgeEnd(const absl::Status& why, double limit_seconds);

  BuilderOptions options_;
  std::optional<Child> child_;
  std::string host_target_;
};

}  // namespace tilewright
