// Sliding windows of convolutions and poolings: their attributes and the output they give.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// All vectors have one entry per spatial dimension.
struct Window {
  Shape kernel, strides, dilations, pads_begin, pads_end;
  Shape output;

  // Position in the input (before padding) that tap k of output position o reads.
  Expr At(size_t d, const Expr& o, const Expr& k) const {
    return o * strides[d] + k * dilations[d] - pads_begin[d];
  }
};

// Reads strides, dilations, pads, auto_pad and ceil_mode. InvalidArgument when their counts do not
// fit `input` (spatial extents), or values or the output's size are not positive.
absl::StatusOr<Window> ReadWindow(OpBuilder& b, const Shape& input, Shape kernel);

// InvalidArgument unless there are `count` values, all of at least `lo` and of reasonable size.
absl::Status CheckWindowValues(const Shape& values, size_t count, int64_t lo,
                               std::string_view what);

// Null unless some tap falls outside `extent` in dimension d; else the condition that it is inside.
Expr InsideWindow(const Window& window, size_t d, int64_t extent, const Expr& position);

}  // namespace tilewright
