#include "compiler/templates/support/transposed_phases.h"

#include <algorithm>

#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// The first tap that output position `first` reads; kernel when there is none.
int64_t FirstTap(int64_t reach, int64_t kernel, int64_t dilation, int64_t stride) {
  for (int64_t tap = 0; tap < kernel && tap < stride; ++tap) {
    if ((reach - tap * dilation) % stride == 0) return tap;
  }
  return kernel;
}

// The distance to the next tap of the same phase: the least t with t * dilation % stride == 0.
int64_t TapStep(int64_t dilation, int64_t stride) {
  int64_t step = 1;
  while (step * dilation % stride != 0) ++step;
  return step;
}

}  // namespace

Expr TransposedPhase::Inside(const Expr& input) const {
  Expr inside;
  if (input_first - (taps - 1) * input_step < 0) inside = Le(Int(0), input);
  if (outputs - 1 + input_first >= input_extent) inside = And(inside, Lt(input, Int(input_extent)));
  return inside;
}

std::vector<TransposedPhase> PhasesOf(const Workload& w, size_t d) {
  const int64_t stride = w.Attr("strides")[d], dilation = w.Attr("dilation")[d];
  const int64_t kernel = w.inputs[1].shape[2 + d], extent = OutputShape(w)[2 + d];
  const int64_t step = TapStep(dilation, stride);
  std::vector<TransposedPhase> phases;
  for (int64_t first = 0; first < std::min(stride, extent); ++first) {
    const int64_t reach = first + w.Attr("padding")[d];
    const int64_t tap = FirstTap(reach, kernel, dilation, stride);
    phases.push_back({.stride = stride,
                      .first = first,
                      .outputs = (extent - first + stride - 1) / stride,
                      .taps = (kernel - tap + step - 1) / step,
                      .tap_first = tap,
                      .tap_step = step,
                      .input_first = (reach - tap * dilation) / stride,
                      .input_step = step * dilation / stride,
                      .input_extent = w.inputs[0].shape[2 + d]});
  }
  return phases;
}

LargestPhase LargestOf(const std::vector<TransposedPhase>& rows,
                       const std::vector<TransposedPhase>& columns) {
  LargestPhase largest{};
  for (const TransposedPhase& h : rows) {
    largest.rows = std::max(largest.rows, h.outputs);
    largest.taps_h = std::max(largest.taps_h, h.taps);
  }
  for (const TransposedPhase& v : columns) {
    largest.columns = std::max(largest.columns, v.outputs);
    largest.taps_w = std::max(largest.taps_w, v.taps);
  }
  return largest;
}

}  // namespace tilewright
