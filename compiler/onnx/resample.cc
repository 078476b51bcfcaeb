#include "compiler/onnx/resample.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// The input coordinate of output position x, by ONNX's formulas (Resize, opset 19).
absl::StatusOr<double> Coordinate(const std::string& mode, const ResampleAxis& a, double x) {
  const double in = static_cast<double>(a.in);
  const double out = in * a.scale;  // before rounding down: what ONNX's own reference uses
  const double half_pixel = (x + 0.5) / a.scale - 0.5;
  if (mode == "half_pixel") return half_pixel;
  if (mode == "pytorch_half_pixel") return a.out > 1 ? half_pixel : 0;
  if (mode == "asymmetric") return x / a.scale;
  if (mode == "align_corners") return a.out > 1 ? x * (in - 1) / (out - 1) : 0;
  if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / a.scale;
  if (mode == "half_pixel_symmetric") {
    return in / 2 * (1 - static_cast<double>(a.out) / out) + half_pixel;
  }
  if (mode == "tf_crop_and_resize") {
    if (a.out == 1) return 0.5 * (a.roi_start + a.roi_end) * (in - 1);
    return a.roi_start * (in - 1) + x * (a.roi_end - a.roi_start) * (in - 1) / (out - 1);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown coordinate_transformation_mode ", mode));
}

absl::StatusOr<double> Nearest(const std::string& mode, double x) {
  if (mode == "round_prefer_floor") return std::ceil(x - 0.5);
  if (mode == "round_prefer_ceil") return std::floor(x + 0.5);
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  return absl::InvalidArgumentError(absl::StrCat("unknown nearest_mode ", mode));
}

// The convolution kernel of bicubic interpolation (Keys, 1981) at distance t.
double Cubic(double a, double t) {
  t = std::abs(t);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
  return 0;
}

// How much wider than one input's distance the kernel is.
double Stretch(const ResampleRule& rule, const ResampleAxis& axis) {
  return rule.antialias ? 1 / std::min(axis.scale, 1.0) : 1;
}

// Taps on each side of a coordinate: inputs nearer than the kernel is wide.
int64_t Reach(const ResampleRule& rule, const ResampleAxis& axis) {
  return static_cast<int64_t>(std::ceil((rule.mode == "cubic" ? 2 : 1) * Stretch(rule, axis)));
}

double Kernel(const ResampleRule& rule, double t) {
  return rule.mode == "cubic" ? Cubic(rule.cubic_a, t) : std::max(0.0, 1 - std::abs(t));
}

// Weights of the taps around coordinate x.
void AppendTaps(const ResampleRule& rule, const ResampleAxis& axis, double x, ResampleTable& t) {
  const double first = std::floor(x) - static_cast<double>(Reach(rule, axis) - 1);
  const double stretch = Stretch(rule, axis);
  std::vector<double> weights(t.taps);
  double total = 0;
  for (size_t k = 0; k < t.taps; ++k) {
    const double at = first + static_cast<double>(k);
    weights[k] = Kernel(rule, (at - x) / stretch);
    const bool outside = at < 0 || at >= static_cast<double>(axis.in);
    if (rule.exclude_outside && outside) weights[k] = 0;
    total += weights[k];
    t.index.push_back(static_cast<int64_t>(std::clamp(at, 0.0, static_cast<double>(axis.in - 1))));
  }
  if (!(rule.exclude_outside || rule.antialias) || total == 0) total = 1;
  for (double weight : weights) t.weight.push_back(static_cast<float>(weight / total));
}

// k when every output position reads input position / k; else 0.
int64_t RepeatFactor(const ResampleTable& table, const ResampleAxis& axis) {
  if (axis.out % axis.in != 0) return 0;
  const int64_t factor = axis.out / axis.in;
  for (int64_t o = 0; o < axis.out; ++o) {
    if (table.index[static_cast<size_t>(o)] != o / factor) return 0;
  }
  return factor;
}

Exprs Replace(Exprs axes, size_t dim, Expr index) {
  axes[dim] = std::move(index);
  return axes;
}

// value[..., table[o], ...]: one tap each, by arithmetic when the table is a plain repetition.
absl::StatusOr<ValueId> Pick(OpBuilder& b, ValueId value, const ResampleAxis& axis,
                             const ResampleTable& table) {
  const size_t dim = axis.dim;
  Definition d{.op = "resize", .inputs = {value}, .type = b.TypeOf(value)};
  d.type.shape[dim] = axis.out;
  const int64_t factor = RepeatFactor(table, axis);
  if (factor == 0) {
    d.inputs.push_back(b.Constant(Tensor({DType::kI64, {axis.out}}, table.index)));
  }
  d.body = [&](const Point& p) {
    const Expr at =
        factor ? FloorDiv(p.axes[dim], factor) : SafeIndex(p.Load(1, {p.axes[dim]}), axis.in);
    return p.Load(0, Replace(p.axes, dim, at));
  };
  return b.Emit(std::move(d));
}

// Constants [taps, out]: at each tap, neighbours along the output are neighbours in memory.
template <typename T>
Tensor ByTaps(DType dtype, const std::vector<T>& table, int64_t taps) {
  const int64_t out = static_cast<int64_t>(table.size()) / taps;
  std::vector<T> turned;
  for (int64_t k = 0; k < taps; ++k) {
    for (int64_t o = 0; o < out; ++o) turned.push_back(table[o * taps + k]);
  }
  return Tensor({dtype, {taps, out}}, turned);
}

// A sum over the taps; one expression where they are few, so that passes and schedules see a map.
absl::StatusOr<ValueId> Blend(OpBuilder& b, ValueId value, const ResampleAxis& axis,
                              const ResampleTable& table) {
  const size_t dim = axis.dim;
  constexpr int64_t kFewTaps = 4;  // of linear and cubic interpolation without antialias
  const int64_t taps = static_cast<int64_t>(table.taps);
  const ValueId index = b.Constant(ByTaps(DType::kI64, table.index, taps));
  const ValueId weight = b.Constant(ByTaps(DType::kF32, table.weight, taps));
  Definition d{.op = "resize", .inputs = {value, index, weight}, .type = b.TypeOf(value)};
  d.type.shape[dim] = axis.out;
  const auto term = [&](const Point& p, const Expr& tap) {
    const Expr at = Min(Max(p.Load(1, {tap, p.axes[dim]}), Int(0)), Int(axis.in - 1));
    const Expr x = p.Load(0, Replace(p.axes, dim, at));
    return x * Cast(p.Load(2, {tap, p.axes[dim]}), x->dtype);
  };
  if (taps > kFewTaps) {
    d.reducer = Reducer::kSum;
    d.reduce = {taps};
    d.body = [&](const Point& p) { return term(p, p.reduce[0]); };
    return b.Emit(std::move(d));
  }
  d.body = [&](const Point& p) {
    Expr sum = term(p, Int(0));
    for (int64_t k = 1; k < taps; ++k) sum = sum + term(p, Int(k));
    return sum;
  };
  return b.Emit(std::move(d));
}

}  // namespace

absl::StatusOr<ResampleTable> MakeResampleTable(const ResampleRule& rule,
                                                const ResampleAxis& axis) {
  if (rule.mode != "nearest" && rule.mode != "linear" && rule.mode != "cubic") {
    return absl::InvalidArgumentError(absl::StrCat("unknown mode ", rule.mode));
  }
  const bool picks = rule.mode == "nearest";
  ResampleTable table{.taps = picks ? 1 : static_cast<size_t>(2 * Reach(rule, axis))};
  const double last = static_cast<double>(axis.in - 1);
  for (int64_t o = 0; o < axis.out; ++o) {
    TW_ASSIGN_OR_RETURN(const double x, Coordinate(rule.coordinates, axis, static_cast<double>(o)));
    const bool crop = rule.coordinates == "tf_crop_and_resize";
    table.inside.push_back(!crop || (x >= 0 && x <= last));
    if (rule.mode == "nearest") {
      TW_ASSIGN_OR_RETURN(const double nearest, Nearest(rule.nearest, x));
      table.index.push_back(static_cast<int64_t>(std::clamp(nearest, 0.0, last)));
    } else {
      AppendTaps(rule, axis, x, table);
    }
  }
  return table;
}

absl::StatusOr<ValueId> Resample(OpBuilder& b, ValueId value, const ResampleRule& rule,
                                 const ResampleAxis& axis) {
  TW_ASSIGN_OR_RETURN(const ResampleTable table, MakeResampleTable(rule, axis));
  TW_ASSIGN_OR_RETURN(const ValueId resampled,
                      table.taps == 1 ? Pick(b, value, axis, table) : Blend(b, value, axis, table));
  if (std::all_of(table.inside.begin(), table.inside.end(), [](uint8_t in) { return in != 0; })) {
    return resampled;
  }
  const ValueId inside = b.Constant(Tensor({DType::kBool, {axis.out}}, table.inside));
  return b.Emit({.op = "extrapolate",
                 .inputs = {resampled, inside},
                 .type = b.TypeOf(resampled),
                 .body = [&](const Point& p) {
                   const Expr x = p.Here(0);
                   return Select(p.Load(1, {p.axes[axis.dim]}), x,
                                 Const(rule.extrapolation, x->dtype));
                 }});
}

}  // namespace tilewright
