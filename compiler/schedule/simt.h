// The GPU schedule of reductions over tiles (convolutions, matrix products): each block computes a
// tile of the output, each thread several elements of it in registers, and inputs pass through
// shared memory. The shape of AutoTVM's direct CUDA templates:
//
//   blocks: tile of the output
//     accumulators = 0
//     for the outermost parts of the reduction axes:      // a stage
//       barrier; all threads copy what the stage reads of the staged inputs; barrier
//       for the other parts of the reduction axes:
//         for virtual threads, inner elements: accumulate
//     store, with the epilogue; where the reduction is split over blocks, the last block of the
//       tile adds their sums and does that, or each adds its own to the output
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "compiler/loop/compute.h"

namespace tilewright {

// How one output axis is cut: blocks x vthreads x threads x inner, in this order; what the last
// three leave of the extent are blocks. Neighbouring threads have neighbouring elements where inner
// is 1; a virtual thread is a whole tile of threads further on, so that both hold.
struct SimtAxis {
  ThreadAxis block = ThreadAxis::kNone;   // axes that share one are fused, the first outermost
  ThreadAxis thread = ThreadAxis::kNone;  // needed where threads > 1
  int64_t vthreads = 1, threads = 1, inner = 1;
};

struct SimtSchedule {
  std::vector<SimtAxis> axes;  // of the compute's axes
  // Of the reduction axes: the extent's parts, outermost first; as many for each. What `split`
  // leaves of the first.
  std::vector<std::vector<int64_t>> reduce;
  int64_t split = 1;  // parts of the first reduction axis, each of blocks of its own
  // Parts are added to the output as they come, which holds zeros before and what a sum is, else by
  // the last block of a tile.
  bool atomic = false;
  std::vector<size_t> staged;  // inputs that go through shared memory; the body loads each once
  // Of staged inputs, by number: in each dimension the body's indices from one element to the next.
  // Those between are zero, as the data of a transposed convolution is dilated by its strides; a
  // stage that holds none but those is left out.
  std::map<size_t, std::vector<int64_t>> dilation;
  // Reduction loops around at most so many multiply-adds of a thread are unrolled (with its tile),
  // as long as what they read fits the registers of one.
  int64_t unrolled_steps = 0;
  bool unroll_now = false;  // by copies of the body, not by the device's compiler
};

// The type in which shared memory holds an input of type `input` for a body of type `body`: narrow
// floats are converted when they are staged, once instead of at each multiply-add.
inline DType StagedType(DType input, DType body) { return IsNarrowFloat(input) ? body : input; }

// A staged input may be read outside its shape: it is zero there. So a convolution needs no
// predicate. A split program writes parts and counters (part_sums.h) before the output, unless it
// adds to that. REQUIRES: compute has a sum reduction, no predicate and, where it is added to the
// output, no result of its own; factors divide their axes;
// indices of staged inputs grow with every variable that runs within a stage (sums with
// coefficients >= 0).
Program LowerSimt(const Compute& compute, const SimtSchedule& schedule);

}  // namespace tilewright
