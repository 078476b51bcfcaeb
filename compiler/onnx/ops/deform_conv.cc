// DeformConv: convolution whose taps are moved by offsets that depend on the place (Dai et al.,
// arXiv:1703.06211), and weighted by a mask (Zhu et al., arXiv:1811.11168): the taps are sampled
// into columns, which one matrix product a group sums.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/window.h"

namespace tilewright::onnx_ops {
namespace {

constexpr size_t kData = 0, kWeight = 1, kOffset = 2, kBias = 3, kMask = 4;

struct Deformation {
  Window window;
  int64_t groups, offset_groups, taps;
  Shape data;  // [N, C, H, W]
};

absl::Status CheckDeformation(const OpBuilder& b, const Deformation& d) {
  const Shape& weight = b.ShapeOf(b.Input(kWeight));
  const int64_t channels = d.data[1];
  if (d.groups < 1 || d.offset_groups < 1 || channels % d.groups != 0 ||
      weight[0] % d.groups != 0 || channels % d.offset_groups != 0 ||
      weight[1] != channels / d.groups) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight ", ToString(b.TypeOf(b.Input(kWeight))), ", group ", d.groups,
                     " and offset_group ", d.offset_groups, " do not fit ", channels, " channels"));
  }
  Shape places = {d.data[0], 2 * d.offset_groups * d.taps, d.window.output[0], d.window.output[1]};
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kOffset), places, "offset"));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kData), b.Input(kWeight), b.Input(kOffset)}));
  if (!b.HasInput(kMask)) return absl::OkStatus();
  places[1] /= 2;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kMask), places, "mask"));
  return CheckSameType(b, {b.Input(kData), b.Input(kMask)});
}

absl::StatusOr<Deformation> ReadDeformation(OpBuilder& b) {
  for (const size_t i : {kData, kWeight, kOffset}) {
    TW_RETURN_IF_ERROR(CheckRank(b, b.Input(i), 4, 4));
  }
  const Shape weight = b.ShapeOf(b.Input(kWeight));
  Deformation d{.groups = b.Int("group", 1),
                .offset_groups = b.Int("offset_group", 1),
                .taps = weight[2] * weight[3],
                .data = b.ShapeOf(b.Input(kData))};
  TW_ASSIGN_OR_RETURN(d.window, ReadWindow(b, {d.data[2], d.data[3]}, {weight[2], weight[3]}));
  TW_RETURN_IF_ERROR(CheckDeformation(b, d));
  return d;
}

// Where each tap reads: [N, offset_groups * taps * 2, OH, OW], as the offsets, row then column.
absl::StatusOr<ValueId> Positions(OpBuilder& b, const Deformation& d) {
  const Window& w = d.window;
  TensorType type = b.TypeOf(b.Input(kOffset));
  if (IsNarrowFloat(type.dtype)) type.dtype = DType::kF32;
  return b.Emit({.op = "deform_position",
                 .inputs = {b.Input(kOffset)},
                 .type = type,
                 .body = [&](const Point& p) {
                   const Expr tap = FloorMod(FloorDiv(p.axes[1], 2), d.taps);
                   const Expr row = w.At(0, p.axes[2], FloorDiv(tap, w.kernel[1]));
                   const Expr column = w.At(1, p.axes[3], FloorMod(tap, w.kernel[1]));
                   const Expr is_row = Eq(FloorMod(p.axes[1], 2), Int(0));
                   return Cast(Select(is_row, row, column), type.dtype) + p.Here(0);
                 }});
}

// Of the image that is computed: an element, or a position between four.
struct ImagePlace {
  Expr channel, row, column;
};

// An element of the data; zero outside of it.
Expr PaddedAt(const Point& p, const Deformation& d, const ImagePlace& at) {
  const auto& [channel, row, column] = at;
  const auto inside = [](const Expr& i, int64_t extent) {
    return And(Le(Int(0), i), Lt(i, Int(extent)));
  };
  const auto limit = [](const Expr& i, int64_t extent) {
    return Min(Max(i, Int(0)), Int(extent - 1));
  };
  const Expr value =
      p.Load(0, {p.axes[0], channel, limit(row, d.data[2]), limit(column, d.data[3])});
  return Select(And(inside(row, d.data[2]), inside(column, d.data[3])), value,
                Const(0, value->dtype));
}

// The data at a position between four elements.
Expr Bilinear(const Point& p, const Deformation& d, const ImagePlace& place) {
  using formulas::Lit;
  const Expr &row = place.row, &column = place.column;
  constexpr double kFar = 1 << 30;  // keeps sums of indices from overflowing
  const auto floor_of = [](const Expr& x) {
    const Expr low = Call("floor", {x}, x->dtype);
    return Min(Max(low, Lit(low, -kFar)), Lit(low, kFar));
  };
  const Expr top = floor_of(row), left = floor_of(column);
  const Expr down = row - top, right = column - left, one = Lit(row, 1);
  const Expr i = Cast(top, DType::kI64), j = Cast(left, DType::kI64);
  const auto at = [&](int64_t di, int64_t dj) {
    return PaddedAt(p, d, {place.channel, i + di, j + dj});
  };
  const Expr upper = at(0, 0) * (one - right) + at(0, 1) * right;
  const Expr lower = at(1, 0) * (one - right) + at(1, 1) * right;
  return upper * (one - down) + lower * down;
}

// [N, C * taps, OH, OW].
absl::StatusOr<ValueId> Columns(OpBuilder& b, const Deformation& d, ValueId positions) {
  const int64_t channels_of_offsets = d.data[1] / d.offset_groups;
  std::vector<ValueId> inputs = {b.Input(kData), positions};
  if (b.HasInput(kMask)) inputs.push_back(b.Input(kMask));
  const Shape shape = {d.data[0], d.data[1] * d.taps, d.window.output[0], d.window.output[1]};
  return b.Emit({.op = "deform_columns",
                 .inputs = inputs,
                 .type = {b.DTypeOf(b.Input(kData)), shape},
                 .body = [&](const Point& p) {
                   const Expr channel = FloorDiv(p.axes[1], d.taps);
                   const Expr tap = FloorDiv(channel, channels_of_offsets) * d.taps +
                                    FloorMod(p.axes[1], d.taps);
                   const auto position = [&](int64_t which) {
                     return p.Load(1, {p.axes[0], tap * 2 + which, p.axes[2], p.axes[3]});
                   };
                   const Expr value = Bilinear(p, d, {channel, position(0), position(1)});
                   if (inputs.size() < 3) return value;
                   return value * p.Load(2, {p.axes[0], tap, p.axes[2], p.axes[3]});
                 }});
}

absl::StatusOr<Outputs> DeformConv(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Deformation d, ReadDeformation(b));
  TW_ASSIGN_OR_RETURN(const ValueId positions, Positions(b, d));
  TW_ASSIGN_OR_RETURN(ValueId columns, Columns(b, d, positions));
  const int64_t outputs = b.ShapeOf(b.Input(kWeight))[0];
  const int64_t summed = d.data[1] / d.groups * d.taps;
  const int64_t places = d.window.output[0] * d.window.output[1];
  TW_ASSIGN_OR_RETURN(columns, Reshape(b, columns, {d.data[0], d.groups, summed, places}));
  TW_ASSIGN_OR_RETURN(const ValueId weight,
                      Reshape(b, b.Input(kWeight), {1, d.groups, outputs / d.groups, summed}));
  TW_ASSIGN_OR_RETURN(ValueId product, MultiplyMatrices(b, weight, columns));
  TW_ASSIGN_OR_RETURN(
      product, Reshape(b, product, {d.data[0], outputs, d.window.output[0], d.window.output[1]}));
  if (!b.HasInput(kBias)) return product;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kBias), {outputs}, "B"));
  return AddChannels(b, product, b.Input(kBias));
}

}  // namespace

OpList deform_conv() { return {{"DeformConv", 19, 3, DeformConv, kFloats}}; }

}  // namespace tilewright::onnx_ops
