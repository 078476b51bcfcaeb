#include "compiler/onnx/normalize.h"

#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

using formulas::Lit;

double CountOf(const OpBuilder& b, ValueId x, const std::vector<size_t>& axes) {
  double count = 1;
  for (size_t axis : axes) count *= static_cast<double>(b.ShapeOf(x)[axis]);
  return count;
}

Expr Average(const Expr& sum, double count) { return Divide(sum, Lit(sum, count)); }

Expr InverseRoot(const Expr& x, double epsilon) {
  return Divide(Lit(x, 1), formulas::Sqrt(x + Lit(x, epsilon)));
}

}  // namespace

// The variance is summed over squared differences, not as E(x^2) - E(x)^2, which cancels.
absl::StatusOr<Moments> FindMoments(OpBuilder& b, ValueId x, const std::vector<size_t>& axes,
                                    double epsilon) {
  const double count = CountOf(b, x, axes);
  AxesReduction r{.op = "mean", .inputs = {x}, .axes = axes};
  r.result = [count](const Expr& sum) { return Average(sum, count); };
  TW_ASSIGN_OR_RETURN(const ValueId mean, ReduceAxes(b, r));
  r = {.op = "inverse_deviation", .inputs = {x, mean}, .axes = axes};
  r.body = [](const Exprs& v) { return (v[0] - v[1]) * (v[0] - v[1]); };
  r.result = [&](const Expr& sum) { return InverseRoot(Average(sum, count), epsilon); };
  TW_ASSIGN_OR_RETURN(const ValueId inverse, ReduceAxes(b, r));
  return Moments{mean, inverse};
}

absl::StatusOr<ValueId> InverseRootMeanSquare(OpBuilder& b, ValueId x,
                                              const std::vector<size_t>& axes, double epsilon) {
  const double count = CountOf(b, x, axes);
  AxesReduction r{.op = "inverse_root_mean_square", .inputs = {x}, .axes = axes};
  r.body = [](const Exprs& v) { return v[0] * v[0]; };
  r.result = [&](const Expr& sum) { return InverseRoot(Average(sum, count), epsilon); };
  return ReduceAxes(b, r);
}

absl::StatusOr<ValueId> Normalize(OpBuilder& b, ValueId x, const Moments& m,
                                  const ScaleAndBias& to) {
  const auto [scale, bias] = to;
  std::vector<ValueId> inputs = {x, m.inverse_deviation, scale};
  const bool centred = m.mean != kNoValue, biased = bias != kNoValue;
  if (centred) inputs.push_back(m.mean);
  if (biased) inputs.push_back(bias);
  TW_RETURN_IF_ERROR(CheckSameType(b, inputs));
  std::vector<Shape> shapes;
  for (ValueId input : inputs) shapes.push_back(b.ShapeOf(input));
  TW_ASSIGN_OR_RETURN(const Shape shape, BroadcastShapes(shapes));
  if (shape != b.ShapeOf(x)) {
    return absl::InvalidArgumentError("scale or bias does not fit the input");
  }
  return Map(b, "normalize", inputs, [=](const Exprs& v) {
    const Expr scaled = (centred ? v[0] - v[3] : v[0]) * v[1] * v[2];
    return biased ? scaled + v.back() : scaled;
  });
}

absl::StatusOr<ValueId> NormalizeGroups(OpBuilder& b, ValueId x, const ChannelGroups& groups) {
  TW_RETURN_IF_ERROR(CheckRank(b, x, 2, kMaxRank - 1));
  const Shape shape = b.ShapeOf(x);
  if (groups.count < 1 || shape[1] % groups.count != 0 || NumElements(shape) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(groups.count, " groups do not divide ", shape[1], " channels"));
  }
  const int64_t members = shape[1] / groups.count;
  const int64_t inner = NumElements(shape) / (shape[0] * shape[1]);
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {shape[0], groups.count, members, inner}));
  TW_ASSIGN_OR_RETURN(const Moments m, FindMoments(b, x, {2, 3}, groups.epsilon));
  const Shape scaled = {groups.count, groups.per_group ? 1 : members, 1};
  ValueId scale = groups.scale, bias = groups.bias;
  for (ValueId* vector : {&scale, &bias}) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, *vector, {NumElements(scaled)}, "scale or bias"));
    TW_ASSIGN_OR_RETURN(*vector, Reshape(b, *vector, scaled));
  }
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalize(b, x, m, {scale, bias}));
  return Reshape(b, y, shape);
}

std::vector<size_t> AxesFrom(size_t first, size_t rank) {
  std::vector<size_t> axes(rank - first);
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

}  // namespace tilewright
