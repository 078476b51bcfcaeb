// A transposed convolution as plain ones: outputs of one residue modulo the stride read the same
// taps of the kernel, so that each residue ("phase") is a convolution of stride 1 over those taps
// and no product with an inserted zero is ever formed.
#pragma once

#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/schedule/schedule.h"

namespace tilewright {

// One phase along one spatial dimension: output q * stride + first, for q in [0, outputs), is the
// sum over t in [0, taps) of input q + input_first - t * input_step times tap
// tap_first + t * tap_step.
struct TransposedPhase {
  int64_t stride, first, outputs, taps;
  int64_t tap_first, tap_step, input_first, input_step;
  int64_t input_extent;

  Expr Input(const Expr& q, const Expr& t) const { return q + input_first - t * input_step; }
  Expr Tap(const Expr& t) const { return t * tap_step + tap_first; }
  Expr Output(const Expr& q) const { return q * stride + first; }
  // Null when no tap of any output falls outside the input.
  Expr Inside(const Expr& input) const;
};

// The phases that have outputs, along spatial dimension d. REQUIRES: a conv2d_transpose.
std::vector<TransposedPhase> PhasesOf(const Workload& workload, size_t d);

// A phase of rows and one of columns: every so many-th output of an image.
struct PhasePair {
  TransposedPhase h, v;
};

// Of all pairs of phases the largest taps and outputs, for choosing tiles.
struct LargestPhase {
  int64_t rows, columns, taps_h, taps_w;
};
LargestPhase LargestOf(const std::vector<TransposedPhase>& rows,
                       const std::vector<TransposedPhase>& columns);

}  // namespace tilewright
