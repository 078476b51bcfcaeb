// DFT and STFT as dense layers: a transform of few points is a product with its matrix; one of many
// is split (Cooley and Tukey, 1965) into two of its factors, with a rotation between them.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Transforms up to this many points are not split; those without factors may be larger.
constexpr int64_t kDirect = 512, kMaxDirect = 8192;

struct Transform {
  int64_t points;
  bool inverse;

  // The angle of e^(-i angle) after `steps` of the circle's `points`.
  double Angle(int64_t steps) const {
    const double part = static_cast<double>(steps % points) / static_cast<double>(points);
    return (inverse ? -2 : 2) * M_PI * part;
  }
};

// The transform's first `bins` rows as a real matrix [2 bins, parts * points] over the numbers'
// parts: 2 for complex ones, 1 for real ones.
Tensor Matrix(const Transform& t, int64_t bins, int64_t parts, DType dtype) {
  Tensor matrix({dtype, {2 * bins, parts * t.points}});
  const double scale = t.inverse ? 1.0 / static_cast<double>(t.points) : 1;
  for (int64_t k = 0; k < bins; ++k) {
    for (int64_t n = 0; n < t.points; ++n) {
      const double c = std::cos(t.Angle(n * k)) * scale, s = std::sin(t.Angle(n * k)) * scale;
      const int64_t real = 2 * k * parts * t.points + n * parts,
                    imaginary = real + parts * t.points;
      matrix.Set(real, c);
      matrix.Set(imaginary, -s);
      if (parts == 1) continue;
      matrix.Set(real + 1, s);
      matrix.Set(imaginary + 1, c);
    }
  }
  return matrix;
}

// [rows, points, parts] -> [rows, bins, 2].
absl::StatusOr<ValueId> Direct(OpBuilder& b, ValueId x, const Transform& t, int64_t bins) {
  const Shape shape = b.ShapeOf(x);
  if (t.points > kMaxDirect) {
    return absl::UnimplementedError(absl::StrCat(
        "transforms ", t.points, " points, a number with a large prime factor; at most ",
        kMaxDirect, " of those are supported"));
  }
  const ValueId matrix = b.Constant(Matrix(t, bins, shape[2], b.DTypeOf(x)));
  TW_ASSIGN_OR_RETURN(const ValueId rows, Reshape(b, x, {shape[0], shape[1] * shape[2]}));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyByTransposed(b, rows, matrix));
  return Reshape(b, product, {shape[0], bins, 2});
}

// The largest divisor up to the root; 1 for primes.
int64_t Factor(int64_t n) {
  int64_t best = 1;
  for (int64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) best = d;
  }
  return best;
}

// x[row, i, j] rotated by i * j steps.
absl::StatusOr<ValueId> Rotate(OpBuilder& b, ValueId x, const Transform& t) {
  const Shape shape = b.ShapeOf(x);
  Tensor table({b.DTypeOf(x), {shape[1], shape[2], 2}});
  for (int64_t i = 0; i < shape[1]; ++i) {
    for (int64_t j = 0; j < shape[2]; ++j) {
      table.Set((i * shape[2] + j) * 2, std::cos(t.Angle(i * j)));
      table.Set((i * shape[2] + j) * 2 + 1, -std::sin(t.Angle(i * j)));
    }
  }
  return b.Emit({.op = "rotate",
                 .inputs = {x, b.Constant(std::move(table))},
                 .type = b.TypeOf(x),
                 .body = [](const Point& p) {
                   const auto part = [&](size_t in, int64_t which) {
                     Exprs at(p.axes.begin() + (in == 0 ? 0 : 1), p.axes.end());
                     at.back() = Int(which);
                     return p.Load(in, std::move(at));
                   };
                   return Select(Eq(p.axes[3], Int(0)),
                                 part(0, 0) * part(1, 0) - part(0, 1) * part(1, 1),
                                 part(0, 0) * part(1, 1) + part(0, 1) * part(1, 0));
                 }});
}

// [rows, points, parts] -> [rows, bins, 2].
absl::StatusOr<ValueId> TransformRows(OpBuilder& b, ValueId x, const Transform& t, int64_t bins) {
  const int64_t first = Factor(t.points), second = t.points / first;
  if (t.points <= kDirect || first == 1) return Direct(b, x, t, bins);
  const int64_t rows = b.ShapeOf(x)[0], parts = b.ShapeOf(x)[2];
  // Element n1 + first * n2 is at [n1, n2].
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, second, first, parts}));
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {0, 2, 1, 3}));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows * first, second, parts}));
  TW_ASSIGN_OR_RETURN(x, TransformRows(b, x, {second, t.inverse}, second));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, first, second, 2}));
  TW_ASSIGN_OR_RETURN(x, Rotate(b, x, t));
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {0, 2, 1, 3}));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows * second, first, 2}));
  TW_ASSIGN_OR_RETURN(x, TransformRows(b, x, {first, t.inverse}, first));
  // Bin k2 + second * k1 is at [k2, k1].
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, second, first, 2}));
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {0, 2, 1, 3}));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, t.points, 2}));
  return RangeOf(b, x, {1, 0, bins});
}

// Dimension `axis` cut or filled with zeros to `extent`.
absl::StatusOr<ValueId> Resized(OpBuilder& b, ValueId x, size_t axis, int64_t extent) {
  const int64_t from = b.ShapeOf(x)[axis];
  if (extent <= from) return RangeOf(b, x, {axis, 0, extent});
  TensorType type = b.TypeOf(x);
  type.shape[axis] = extent;
  return b.Emit({.op = "pad", .inputs = {x}, .type = type, .body = [=](const Point& p) {
                   Exprs at = p.axes;
                   at[axis] = Min(at[axis], Int(from - 1));
                   const Expr value = p.Load(0, std::move(at));
                   return Select(Lt(p.axes[axis], Int(from)), value, Const(0, value->dtype));
                 }});
}

// [rows, points / 2 + 1, 2], the first half of the transform of a real signal, to all its points:
// point n - k is the conjugate of point k.
absl::StatusOr<ValueId> Mirrored(OpBuilder& b, ValueId x, int64_t points) {
  TensorType type = b.TypeOf(x);
  const int64_t bins = type.shape[1];
  type.shape[1] = points;
  return b.Emit({.op = "mirror", .inputs = {x}, .type = type, .body = [=](const Point& p) {
                   const Expr first_half = Lt(p.axes[1], Int(bins));
                   const Expr mirror = Max(Int(0), Int(points) - p.axes[1]);
                   const Expr from = Min(Select(first_half, p.axes[1], mirror), Int(bins - 1));
                   const Expr value = p.Load(0, {p.axes[0], from, p.axes[2]});
                   const Expr kept = Or(first_half, Eq(p.axes[2], Int(0)));
                   return Select(kept, value, Const(0, value->dtype) - value);
                 }});
}

absl::StatusOr<int64_t> Positive(const OpBuilder& b, size_t i, std::string_view what) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> values, b.ConstInts(i, what));
  if (values.size() == 1 && values[0] > 0 && values[0] <= (int64_t{1} << 30)) return values[0];
  return absl::InvalidArgumentError("lengths and steps must be positive scalars");
}

absl::Status CheckSignal(const OpBuilder& b, ValueId x) {
  const int64_t parts = b.ShapeOf(x).back();
  if (parts == 1 || parts == 2) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the last dimension has ", parts, " elements where 1 (real) or 2 (complex) are needed"));
}

// The axis is an attribute before opset 20 and an input from there on.
absl::StatusOr<size_t> AxisOf(OpBuilder& b, size_t rank) {
  int64_t axis = b.opset() < 20 ? b.Int("axis", 1) : -2;
  if (b.opset() >= 20 && b.HasInput(2)) {
    TW_ASSIGN_OR_RETURN(const std::vector<int64_t> given, b.ConstInts(2, "axis"));
    if (given.size() != 1) return absl::InvalidArgumentError("axis must be a scalar");
    axis = given[0];
  }
  TW_ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, rank));
  if (normal + 1 < rank) return normal;
  return absl::InvalidArgumentError("axis is the dimension of the numbers' parts");
}

// 16-bit floats are transformed in float32 and rounded at the end, not at every stage.
DType TransformType(DType dtype) { return IsNarrowFloat(dtype) ? DType::kF32 : dtype; }

// What a node's attributes and inputs say of its transform. `to_real`: from the first half of a
// real signal's transform back to the signal.
struct DftForm {
  size_t axis = 0;
  bool inverse = false, one_sided = false, to_real = false;
  int64_t points = 0;
  int64_t Half() const { return points / 2 + 1; }
  int64_t Bins() const { return one_sided && !inverse ? Half() : points; }
};

absl::StatusOr<DftForm> FormOf(OpBuilder& b, const Shape& shape) {
  DftForm form;
  TW_ASSIGN_OR_RETURN(form.axis, AxisOf(b, shape.size()));
  form.inverse = b.Int("inverse", 0) != 0;
  form.one_sided = b.Int("onesided", 0) != 0;
  form.to_real = form.inverse && form.one_sided;
  form.points = form.to_real ? 2 * (shape[form.axis] - 1) : shape[form.axis];
  if (b.HasInput(1)) {
    TW_ASSIGN_OR_RETURN(form.points, Positive(b, 1, "dft_length"));
  }
  if (form.points < 1 || (form.to_real && shape.back() != 2)) {
    return absl::InvalidArgumentError("an inverse onesided transform needs two complex numbers");
  }
  return form;
}

// The transforms of the rows of x, whose second to last dimension is the transformed one.
absl::StatusOr<ValueId> TransformLastRows(OpBuilder& b, ValueId x, const DftForm& form) {
  Shape shape = b.ShapeOf(x);
  const size_t rank = shape.size();
  const int64_t rows = NumElements(Shape(shape.begin(), shape.end() - 2));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, shape[rank - 2], shape.back()}));
  if (form.to_real) {
    TW_ASSIGN_OR_RETURN(x, Mirrored(b, x, form.points));
  }
  TW_ASSIGN_OR_RETURN(x, TransformRows(b, x, {form.points, form.inverse}, form.Bins()));
  if (form.to_real) {
    TW_ASSIGN_OR_RETURN(x, RangeOf(b, x, {2, 0, 1}));
  }
  shape[rank - 2] = form.Bins();
  shape[rank - 1] = form.to_real ? 1 : 2;
  return Reshape(b, x, shape);
}

absl::StatusOr<Outputs> Dft(OpBuilder& b) {
  ValueId x = b.Input(0);
  const size_t rank = b.RankOf(x);
  TW_RETURN_IF_ERROR(CheckRank(b, x, 2, kMaxRank));
  TW_RETURN_IF_ERROR(CheckSignal(b, x));
  const DType dtype = b.DTypeOf(x);
  TW_ASSIGN_OR_RETURN(x, CastTo(b, x, TransformType(dtype)));
  TW_ASSIGN_OR_RETURN(const DftForm form, FormOf(b, b.ShapeOf(x)));
  TW_ASSIGN_OR_RETURN(x, Resized(b, x, form.axis, form.to_real ? form.Half() : form.points));
  // The transformed axis second to last, and back.
  std::vector<size_t> order(rank), back(rank);
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + static_cast<ptrdiff_t>(form.axis),
              order.begin() + static_cast<ptrdiff_t>(form.axis) + 1, order.end() - 1);
  for (size_t d = 0; d < rank; ++d) back[order[d]] = d;
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, order));
  TW_ASSIGN_OR_RETURN(x, TransformLastRows(b, x, form));
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x, back));
  return CastTo(b, x, dtype);
}

// The signal as [batch, length, parts]: exporters leave out the last dimension of real ones.
absl::StatusOr<ValueId> Signal(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, 3));
  Shape shape = b.ShapeOf(b.Input(0));
  if (shape.size() == 2) shape.push_back(1);
  TW_ASSIGN_OR_RETURN(const ValueId signal, Reshape(b, b.Input(0), shape));
  TW_RETURN_IF_ERROR(CheckSignal(b, signal));
  return signal;
}

struct Framing {
  int64_t step, length, count;
};

// Frames of the signal [batch, length, parts] as rows, times the window.
absl::StatusOr<ValueId> Frames(OpBuilder& b, ValueId x, const Framing& f) {
  const TensorType signal = b.TypeOf(x);
  std::vector<ValueId> inputs = {x};
  if (b.HasInput(2)) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {f.length}, "window"));
    TW_RETURN_IF_ERROR(CheckSameType(b, {x, b.Input(2)}));
    inputs.push_back(b.Input(2));
  }
  return b.Emit(
      {.op = "frames",
       .inputs = inputs,
       .type = {TransformType(signal.dtype), {signal.shape[0], f.count, f.length, signal.shape[2]}},
       .body = [&](const Point& p) {
         const Expr value = p.Load(0, {p.axes[0], p.axes[1] * f.step + p.axes[2], p.axes[3]});
         return inputs.size() > 1 ? value * p.Load(1, {p.axes[2]}) : value;
       }});
}

absl::StatusOr<Outputs> Stft(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(ValueId x, Signal(b));
  const Shape signal = b.ShapeOf(x);
  TW_ASSIGN_OR_RETURN(const int64_t step, Positive(b, 1, "frame_step"));
  int64_t length = b.HasInput(2) ? NumElements(b.ShapeOf(b.Input(2))) : 0;
  if (b.HasInput(3)) {
    TW_ASSIGN_OR_RETURN(length, Positive(b, 3, "frame_length"));
  }
  if (length < 1 || length > signal[1]) {
    return absl::InvalidArgumentError(
        absl::StrCat("frames of ", length, " do not fit the signal's ", signal[1], " elements"));
  }
  const int64_t count = (signal[1] - length) / step + 1;
  const int64_t bins = b.Int("onesided", 1) != 0 ? length / 2 + 1 : length;
  TW_ASSIGN_OR_RETURN(x, Frames(b, x, {step, length, count}));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {signal[0] * count, length, signal[2]}));
  TW_ASSIGN_OR_RETURN(x, TransformRows(b, x, {length, false}, bins));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {signal[0], count, bins, 2}));
  return CastTo(b, x, b.DTypeOf(b.Input(0)));
}

}  // namespace

OpList fourier() { return {{"DFT", 17, 1, Dft, kFloats}, {"STFT", 17, 2, Stft, kFloats}}; }

}  // namespace tilewright::onnx_ops
