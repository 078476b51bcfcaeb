// What a workload must be and what follows from it, by its operator's definition. Pure;
// thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/workload.h"

namespace tilewright {

// The workload of a key; passes CheckWorkload. InvalidArgument says what is wrong. Bounded: at
// most 16 KiB of text.
absl::StatusOr<Workload> ParseWorkload(std::string_view key);

// InvalidArgument unless the operator is known and shapes, attributes and layouts agree.
absl::Status CheckWorkload(const Workload& workload);

// For the rest, REQUIRES: CheckWorkload(workload).ok().
// Logical output shape.
Shape OutputShape(const Workload& workload);

// Physical types of the kernel's arguments in order: the inputs, those of the epilogue, the output.
std::vector<TensorType> ArgumentTypes(const Workload& workload);

// Of one call; a multiply-add is counted as two, padded taps included (the convention of published
// GFLOP/s).
double Flops(const Workload& workload);

}  // namespace tilewright
