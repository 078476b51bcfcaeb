// Task + config -> machine code. Never measures. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/task.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

struct KernelLibrary {
  std::string so;      // ELF shared library bytes
  std::string symbol;  // the kernel's name; convention: compiler/targets/target_backend.h
  int64_t extent = 1;  // of its parallel loop
};

// InvalidArgument: the config is not in the task's space (an instantiation failure);
// anything else: a build failure.
absl::StatusOr<KernelLibrary> CompileTask(const Task& task, const Config& config);

// The plain definition, compiled without any schedule: computes the expected output.
absl::StatusOr<KernelLibrary> CompileReference(const Workload& workload, const Target& target);

}  // namespace tilewright
