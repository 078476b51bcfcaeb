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
#include "worker/child.h"

namespace tilewright {

struct BuilderOptions {
  std::string path;        // of tilewright-builder
  std::vector<int> cores;  // empty: any
};

// A compiled task whose library is a file.
struct BuiltKernel {
  std::string library;  // path
  CompiledTask task;    // but for `so`
};
using BuildResult = std::variant<BuiltKernel, Failure>;

class Builder {
 public:
  explicit Builder(BuilderOptions options) : options_(std::move(options)) {}

  // The host as a resolved target. Unavailable when the builder does not start.
  absl::StatusOr<std::string> HostTarget();
  // Writes the library to `path`.
  BuildResult BuildTask(const Task& task, const Config& config, const std::string& path,
                        double limit_seconds);
  BuildResult BuildReference(const Task& task, const std::string& path, double limit_seconds);

 private:
  absl::Status EnsureStarted();
  BuildResult Ask(const std::string& request, const std::string& path, double limit_seconds);

  BuilderOptions options_;
  std::optional<Child> child_;
  std::string host_target_;
};

}  // namespace tilewright
