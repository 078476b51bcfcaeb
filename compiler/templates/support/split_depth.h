// Matrix products whose depth is split over blocks, for outputs of few tiles: each part is summed
// by itself, then another kernel adds the parts and does the epilogue, or the last block does; or
// each is added to the output as it comes.
#pragma once

#include <functional>

#include "compiler/schedule/config_space.h"
#include "compiler/templates/lowered_task.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Two steps: what `lower` makes of the parts' products, then their sum, in so many parts of the
// dtype. The one buffer between them holds the parts. The gemm's inputs are the task's arguments,
// the first two left and right in either order.
LoweredTask LowerSplitDepth(const TensorCoreGemm& gemm, int64_t parts, DType sums,
                            const std::function<Program(const TensorCoreGemm&)>& lower);

// One step: a program over the task's arguments which may write parts and counters before its
// output (compiler/schedule/part_sums.h). These are buffers; the counters' zeros are prepared.
LoweredTask LowerLastBlock(Program program);

// Whether parts may be added to the output: it holds the sums themselves, float32 or int32.
bool MayAddAtomically(const Compute& compute);

// A later knob, 1: parts are added to the output. It has that candidate where it may.
inline constexpr char kAtomicsKnob[] = "atomics";
void DefineAtomicsKnob(const Compute& compute, ConfigSpace* space);

// The gemm of parts of k, each of which adds its sums to the output.
TensorCoreGemm AtomicSums(const TensorCoreGemm& gemm);

// A task whose last step adds to the output, with a step before all others that zeroes it.
LoweredTask WithZeros(LoweredTask task);

}  // namespace tilewright
