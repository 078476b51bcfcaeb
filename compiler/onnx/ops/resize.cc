// Resize and Upsample: every dimension resampled by itself (resample.h).
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/resample.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Tables are built per output position; no image is larger than this.
constexpr int64_t kMaxExtent = 1 << 20;

using Axes = std::vector<ResampleAxis>;

Axes Unchanged(const Shape& shape) {
  Axes axes;
  for (const int64_t extent : shape) {
    axes.push_back({.in = extent, .out = extent, .dim = axes.size()});
  }
  return axes;
}

absl::Status SetScales(const std::vector<double>& scales, const std::vector<size_t>& dims,
                       Axes& axes) {
  if (scales.size() != dims.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("scales has ", scales.size(), " values for ", dims.size(), " dimensions"));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    ResampleAxis& axis = axes[dims[i]];
    const double out = std::floor(static_cast<double>(axis.in) * scales[i]);
    if (!(out >= 1 && out <= kMaxExtent) || axis.in < 1) {
      return absl::InvalidArgumentError(absl::StrCat("scale ", scales[i], " is out of range"));
    }
    axis.scale = scales[i];
    axis.out = static_cast<int64_t>(out);
  }
  return absl::OkStatus();
}

absl::Status SetSizes(const std::vector<int64_t>& sizes, const std::vector<size_t>& dims,
                      Axes& axes) {
  if (sizes.size() != dims.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("sizes has ", sizes.size(), " values for ", dims.size(), " dimensions"));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    ResampleAxis& axis = axes[dims[i]];
    if (sizes[i] < 1 || sizes[i] > kMaxExtent || axis.in < 1) {
      return absl::InvalidArgumentError(absl::StrCat("size ", sizes[i], " is out of range"));
    }
    axis.out = sizes[i];
    axis.scale = static_cast<double>(sizes[i]) / static_cast<double>(axis.in);
  }
  return absl::OkStatus();
}

// One scale for all, the least or the largest that the sizes ask for.
absl::Status KeepAspectRatio(const std::string& policy, const std::vector<size_t>& dims,
                             Axes& axes) {
  if (policy == "stretch" || dims.empty()) return absl::OkStatus();
  if (policy != "not_larger" && policy != "not_smaller") {
    return absl::InvalidArgumentError(absl::StrCat("unknown keep_aspect_ratio_policy ", policy));
  }
  double scale = axes[dims[0]].scale;
  for (const size_t d : dims) {
    scale =
        policy == "not_larger" ? std::min(scale, axes[d].scale) : std::max(scale, axes[d].scale);
  }
  for (const size_t d : dims) {
    const double out = std::floor(scale * static_cast<double>(axes[d].in) + 0.5);
    if (!(out >= 1 && out <= kMaxExtent)) {
      return absl::InvalidArgumentError(absl::StrCat("scale ", scale, " is out of range"));
    }
    axes[d].scale = scale;
    axes[d].out = static_cast<int64_t>(out);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> ConstDoubles(OpBuilder& b, size_t i, std::string_view what) {
  TW_ASSIGN_OR_RETURN(const Tensor tensor, b.ConstInput(i, what));
  if (tensor.size() > static_cast<int64_t>(2 * kMaxRank)) {
    return absl::InvalidArgumentError(absl::StrCat("too many values: ", tensor.size()));
  }
  std::vector<double> values;
  for (int64_t k = 0; k < tensor.size(); ++k) values.push_back(tensor.AsDouble(k));
  return values;
}

// What shrinks comes first, so that the rest has less to do. What grows comes last, the innermost
// dimension before the others: its taps are gathered, theirs are whole rows.
std::vector<size_t> ResampleOrder(const Axes& axes) {
  std::vector<size_t> shrinking, growing;
  for (size_t d = 0; d < axes.size(); ++d) {
    (axes[d].out < axes[d].in ? shrinking : growing).push_back(d);
  }
  shrinking.insert(shrinking.end(), growing.rbegin(), growing.rend());
  return shrinking;
}

absl::StatusOr<Outputs> ResampleAll(OpBuilder& b, const ResampleRule& rule, const Axes& axes) {
  ValueId value = b.Input(0);
  const DType dtype = b.DTypeOf(value);
  // Integers are interpolated in float32 and cut off at the end.
  const bool in_floats = rule.mode != "nearest" && !IsFloat(dtype);
  if (in_floats) {
    TW_ASSIGN_OR_RETURN(value, CastTo(b, value, DType::kF32));
  }
  for (const size_t d : ResampleOrder(axes)) {
    const bool crops = rule.coordinates == "tf_crop_and_resize" &&
                       (axes[d].roi_start != 0 || axes[d].roi_end != 1);
    if (axes[d].in == axes[d].out && axes[d].scale == 1 && !crops) continue;
    TW_ASSIGN_OR_RETURN(value, Resample(b, value, rule, axes[d]));
  }
  return CastTo(b, value, dtype);
}

// Upsample and Resize up to opset 10 know neither offsets nor roundings.
ResampleRule OldRule(OpBuilder& b) {
  const std::string mode = b.Str("mode", "nearest");
  return {.mode = mode == "bilinear" ? "linear" : mode,
          .coordinates = "asymmetric",
          .nearest = "floor"};
}

std::vector<size_t> AllDims(const Axes& axes) {
  std::vector<size_t> dims;
  for (size_t d = 0; d < axes.size(); ++d) dims.push_back(d);
  return dims;
}

absl::StatusOr<Outputs> UpsampleByAttribute(OpBuilder& b) {
  Axes axes = Unchanged(b.ShapeOf(b.Input(0)));
  const std::vector<float> scales = b.Floats("scales");
  TW_RETURN_IF_ERROR(SetScales({scales.begin(), scales.end()}, AllDims(axes), axes));
  return ResampleAll(b, OldRule(b), axes);
}

absl::StatusOr<Outputs> ResizeByScales(OpBuilder& b) {
  Axes axes = Unchanged(b.ShapeOf(b.Input(0)));
  TW_ASSIGN_OR_RETURN(const std::vector<double> scales, ConstDoubles(b, 1, "scales"));
  TW_RETURN_IF_ERROR(SetScales(scales, AllDims(axes), axes));
  return ResampleAll(b, OldRule(b), axes);
}

absl::Status SetRegion(OpBuilder& b, const std::vector<size_t>& dims, Axes& axes) {
  TW_ASSIGN_OR_RETURN(const std::vector<double> roi, ConstDoubles(b, 1, "roi"));
  if (roi.size() != 2 * dims.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("roi has ", roi.size(), " values for ", dims.size(), " dimensions"));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    axes[dims[i]].roi_start = roi[i];
    axes[dims[i]].roi_end = roi[dims.size() + i];
  }
  return absl::OkStatus();
}

bool HasElements(const OpBuilder& b, size_t i) {
  return b.HasInput(i) && NumElements(b.ShapeOf(b.Input(i))) > 0;
}

absl::StatusOr<Outputs> ResizeByEither(OpBuilder& b) {
  Axes axes = Unchanged(b.ShapeOf(b.Input(0)));
  std::vector<size_t> dims = AllDims(axes);
  if (b.HasAttr("axes")) {
    const std::vector<int64_t> listed = b.Ints("axes", {});
    TW_RETURN_IF_ERROR(NormalizeAxes(listed, axes.size()).status());
    dims.clear();
    for (int64_t axis : listed) dims.push_back(*NormalizeAxis(axis, axes.size()));
  }
  const ResampleRule rule{.mode = b.Str("mode", "nearest"),
                          .coordinates = b.Str("coordinate_transformation_mode", "half_pixel"),
                          .nearest = b.Str("nearest_mode", "round_prefer_floor"),
                          .cubic_a = b.Float("cubic_coeff_a", -0.75),
                          .exclude_outside = b.Int("exclude_outside", 0) != 0,
                          .antialias = b.Int("antialias", 0) != 0,
                          .extrapolation = b.Float("extrapolation_value", 0)};
  if (HasElements(b, 2)) {
    TW_ASSIGN_OR_RETURN(const std::vector<double> scales, ConstDoubles(b, 2, "scales"));
    TW_RETURN_IF_ERROR(SetScales(scales, dims, axes));
  } else if (HasElements(b, 3)) {
    TW_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, b.ConstInts(3, "sizes"));
    TW_RETURN_IF_ERROR(SetSizes(sizes, dims, axes));
    TW_RETURN_IF_ERROR(KeepAspectRatio(b.Str("keep_aspect_ratio_policy", "stretch"), dims, axes));
  } else {
    return absl::InvalidArgumentError("has neither scales nor sizes");
  }
  if (rule.coordinates == "tf_crop_and_resize" && HasElements(b, 1)) {
    TW_RETURN_IF_ERROR(SetRegion(b, dims, axes));
  }
  return ResampleAll(b, rule, axes);
}

}  // namespace

OpList resize() {
  return {{"Upsample", 7, 1, UpsampleByAttribute},
          {"Upsample", 9, 2, ResizeByScales},
          {"Resize", 10, 2, ResizeByScales},
          {"Resize", 11, 1, ResizeByEither}};
}

}  // namespace tilewright::onnx_ops
