// Task + config -> machine code. Never measures. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/kernel.h"
#include "compiler/core/task.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

// InvalidArgument: the config is not in the task's space (an instantiation failure);
// anything else: a build failure.
absl::StatusOr<CompiledTask> CompileTask(const Task& task, const Config& config);

// The programs of a lowered task as they are, verified, in one library. REQUIRES: target resolved.
absl::StatusOr<CompiledTask> CompileLowered(LoweredTask lowered, const Target& target,
                                            Optimize optimize);

// The plain definition, compiled without any schedule (reference_program.h): computes the expected
// output. On a GPU a thread an output element (compiler/schedule/fixed_gpu.h).
absl::StatusOr<CompiledTask> CompileReference(const Workload& workload, const Target& target);

}  // namespace tilewright
