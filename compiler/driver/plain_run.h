// What a workload's output shall be: the plain definition on seeded arguments, compiled for this
// CPU and run in this process. For tests and benchmarks, which hold schedules to it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/core/workload.h"

namespace tilewright {

// Floats in [-1, 1), integers in [-9, 9]; in order, the output (of no meaning) last.
// REQUIRES: CheckWorkload(workload).ok().
std::vector<Tensor> SeededArguments(const Workload& workload, uint64_t seed);

// The definition's output; the arguments stay as they are. Errors as CompileReference's and
// HostTask::Load's.
absl::StatusOr<Tensor> RunPlain(const Workload& workload, std::vector<Tensor> args);

}  // namespace tilewright
