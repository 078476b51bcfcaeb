// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization,
// MeanVarianceNormalization and LpNormalization.
#include "base/status_macros.h"
#include "compiler/onnx/normalize.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

Expr Sqrt(Expr x) {
  const DType dtype = x->dtype;
  return Call("sqrt", {std::move(x)}, dtype);
}

absl::StatusOr<Outputs> LayerNormalization(OpBuilder& b) {
  const ValueId x = b.Input(0);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), b.RankOf(x)));
  TW_ASSIGN_OR_RETURN(const Moments m,
                      FindMoments(b, x, AxesFrom(axis, b.RankOf(x)), b.Float("epsilon", 1e-5)));
  TW_ASSIGN_OR_RETURN(const ValueId y,
                      Normalize(b, x, m, {b.Input(1), b.HasInput(2) ? b.Input(2) : kNoValue}));
  return Outputs({y, m.mean, m.inverse_deviation});
}

// By the root of the mean square alone.
absl::StatusOr<Outputs> RmsNormalization(OpBuilder& b) {
  const ValueId x = b.Input(0);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), b.RankOf(x)));
  TW_ASSIGN_OR_RETURN(
      const ValueId inverse,
      InverseRootMeanSquare(b, x, AxesFrom(axis, b.RankOf(x)), b.Float("epsilon", 1e-5)));
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalize(b, x, {kNoValue, inverse}, {b.Input(1)}));
  return Outputs({y, inverse});
}

// A vector over dimension 1 of a tensor of that rank, as [n,1,1,...].
absl::StatusOr<ValueId> AlongChannels(OpBuilder& b, ValueId vector, int64_t n, size_t rank) {
  TW_RETURN_IF_ERROR(CheckShapeIs(b, vector, {n}, "scale or bias"));
  Shape shape(rank - 1, 1);
  shape[0] = n;
  return Reshape(b, vector, std::move(shape));
}

absl::StatusOr<ValueId> ScaleChannels(OpBuilder& b, ValueId x, const Moments& m) {
  const int64_t channels = b.ShapeOf(x)[1];
  const size_t rank = b.RankOf(x);
  TW_ASSIGN_OR_RETURN(const ValueId scale, AlongChannels(b, b.Input(1), channels, rank));
  TW_ASSIGN_OR_RETURN(const ValueId bias, AlongChannels(b, b.Input(2), channels, rank));
  return Normalize(b, x, m, {scale, bias});
}

absl::StatusOr<Outputs> InstanceNormalization(OpBuilder& b) {
  const ValueId x = b.Input(0);
  TW_RETURN_IF_ERROR(CheckRank(b, x, 3, kMaxRank));
  TW_ASSIGN_OR_RETURN(const Moments m,
                      FindMoments(b, x, AxesFrom(2, b.RankOf(x)), b.Float("epsilon", 1e-5)));
  return ScaleChannels(b, x, m);
}

// Normalised within groups of channels. Scale and bias are per group up to opset 20, per channel
// from 21 on.
absl::StatusOr<Outputs> GroupNormalization(OpBuilder& b) {
  return NormalizeGroups(b, b.Input(0),
                         {.count = b.Int("num_groups", 0),
                          .epsilon = b.Float("epsilon", 1e-5),
                          .scale = b.Input(1),
                          .bias = b.Input(2),
                          .per_group = b.opset() < 21});
}

absl::StatusOr<Outputs> MeanVarianceNormalization(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes,
                      NormalizeAxes(b.Ints("axes", {0, 2, 3}), b.RankOf(b.Input(0))));
  TW_ASSIGN_OR_RETURN(const Moments m, FindMoments(b, b.Input(0), axes, 0));
  // ONNX's function adds 1e-9 to the deviation, against division by zero.
  return Map(b, "normalize", {b.Input(0), m.mean, m.inverse_deviation}, [](const Exprs& v) {
    const Expr one = Const(1, v[2]->dtype);
    const Expr deviation = Divide(one, v[2]) + Const(1e-9, v[2]->dtype);
    return Divide(v[0] - v[1], deviation);
  });
}

absl::StatusOr<Outputs> LpNormalization(OpBuilder& b) {
  const ValueId x = b.Input(0);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), b.RankOf(x)));
  const int64_t p = b.Int("p", 2);
  if (p != 1 && p != 2) return absl::InvalidArgumentError("p must be 1 or 2");
  AxesReduction r{.op = "lp_norm", .inputs = {x}, .axes = {axis}};
  r.body = [p](const Exprs& v) { return p == 2 ? v[0] * v[0] : Call("abs", {v[0]}, v[0]->dtype); };
  if (p == 2) r.result = Sqrt;
  TW_ASSIGN_OR_RETURN(const ValueId norm, ReduceAxes(b, r));
  return Map(b, "lp_normalize", {x, norm}, [](const Exprs& v) {
    const Expr zero = Const(0, v[0]->dtype);
    return Select(Eq(v[1], zero), zero, Divide(v[0], v[1]));
  });
}

}  // namespace

OpList normalization() {
  // ONNX Runtime writes LayerNormalization and SimplifiedLayerNormalization at any opset, and some
  // of its tools in its own domain.
  return {{"LayerNormalization", 1, 2, LayerNormalization, kFloats},
          {"SimplifiedLayerNormalization", 1, 2, RmsNormalization, kFloats},
          {"com.microsoft.LayerNormalization", 1, 2, LayerNormalization, kFloats},
          {"com.microsoft.SimplifiedLayerNormalization", 1, 2, RmsNormalization, kFloats},
          {"RMSNormalization", 23, 2, RmsNormalization, kFloats},
          {"InstanceNormalization", 6, 3, InstanceNormalization, kFloats},
          {"GroupNormalization", 18, 3, GroupNormalization, kFloats},
          {"MeanVarianceNormalization", 9, 1, MeanVarianceNormalization, kFloats},
          {"LpNormalization", 1, 1, LpNormalization, kFloats}};
}

}  // namespace tilewright::onnx_ops
