// Runs one kernel in a fresh confined process.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "compiler/core/workload.h"
#include "worker/process/builder.h"
#include "worker/process/interrupt.h"
#include "worker/run_spec.h"

namespace tilewright {

// Prepares it and lets it run at once (worker/process/prepared_kernel.h), for at most so long each.
absl::StatusOr<Outcome> RunKernel(const std::string& runner, const RunSpec& spec,
                                  double limit_seconds, const Interrupt* interrupt = nullptr);

// The arguments of a workload's kernels, with the padding of blocked layouts and the weights cold.
// The second factor of the products is small enough that sums are about as large as one product:
// where a sigmoid or a clip follows, no wrong sum hides behind a saturated output.
// REQUIRES: CheckWorkload(workload).ok().
std::vector<RunArgument> RunArguments(const Workload& workload);

// The spec of a built task's kernels over its workload's arguments: library, calls, buffers,
// tolerance and the address space that they may use.
RunSpec SpecOf(const BuiltKernel& kernel, std::vector<RunArgument> arguments);
int64_t BytesOf(const RunArgument& argument);

}  // namespace tilewright
