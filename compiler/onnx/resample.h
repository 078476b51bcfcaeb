// Resampling of one dimension as a table: which inputs each output position reads, how weighted.
#pragma once

#include <string>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// How positions of the output correspond to the input; the names are those of ONNX's Resize.
struct ResampleRule {
  std::string mode = "nearest";                // nearest, linear, cubic
  std::string coordinates = "half_pixel";      // coordinate_transformation_mode
  std::string nearest = "round_prefer_floor";  // nearest_mode
  double cubic_a = -0.75;
  bool exclude_outside = false;
  bool antialias = false;    // linear and cubic: the kernel widens as the scale shrinks
  double extrapolation = 0;  // for tf_crop_and_resize
};

// One dimension: its extents, the scale, the region of interest in [0,1], and which it is.
struct ResampleAxis {
  int64_t in = 1, out = 1;
  double scale = 1, roi_start = 0, roi_end = 1;
  size_t dim = 0;
};

struct ResampleTable {
  size_t taps = 1;
  std::vector<int64_t> index;   // [out][taps], in range
  std::vector<float> weight;    // [out][taps]
  std::vector<uint8_t> inside;  // [out]; 0 where the value is the extrapolation
};

// InvalidArgument for an unknown mode.
absl::StatusOr<ResampleTable> MakeResampleTable(const ResampleRule& rule, const ResampleAxis& axis);

// Resamples a dimension of a value.
absl::StatusOr<ValueId> Resample(OpBuilder& b, ValueId value, const ResampleRule& rule,
                                 const ResampleAxis& axis);

}  // namespace tilewright
