// What templates ask of a workload's element types.
#pragma once

#include "compiler/core/workload.h"

namespace tilewright {

// Data, weight, sums and output are float32: what a template whose arithmetic is made for float32
// alone must ask in Matches.
inline bool IsAllFloat32(const Workload& w) {
  return w.inputs[0].dtype == DType::kF32 && w.inputs[1].dtype == DType::kF32 && !w.acc && !w.out;
}

}  // namespace tilewright
