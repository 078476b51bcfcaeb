// The Reduce family. Axes are an attribute in older opsets and an input in newer ones; either is
// taken wherever it stands.
#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<std::vector<size_t>> ReadAxes(OpBuilder& b) {
  std::vector<int64_t> listed = b.Ints("axes", {});
  if (b.HasInput(1)) {
    TW_ASSIGN_OR_RETURN(listed, b.ConstInts(1, "axes"));
  }
  const size_t rank = b.RankOf(b.Input(0));
  if (!listed.empty()) return NormalizeAxes(listed, rank);
  std::vector<size_t> all;
  if (b.Int("noop_with_empty_axes", 0) != 0) return all;
  all.resize(rank);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Expr Apply(const char* call, Expr x) {
  const DType dtype = x->dtype;
  return Call(call, {std::move(x)}, dtype);
}
Expr Square(const Exprs& x) { return x[0] * x[0]; }
Expr Magnitude(const Exprs& x) { return IsUnsigned(x[0]->dtype) ? x[0] : Apply("abs", x[0]); }
Expr SquareRoot(Expr x) { return Apply("sqrt", std::move(x)); }
Expr Logarithm(Expr x) { return Apply("log", std::move(x)); }

absl::StatusOr<AxesReduction> Prepare(OpBuilder& b, std::string op, Reducer reducer) {
  TW_ASSIGN_OR_RETURN(std::vector<size_t> axes, ReadAxes(b));
  return AxesReduction{.op = std::move(op),
                       .inputs = {b.Input(0)},
                       .axes = std::move(axes),
                       .keep = b.Int("keepdims", 1) != 0,
                       .reducer = reducer};
}

// Roots and logarithms of integers are computed in float64 and lose their fraction, as numpy's do
// in ONNX's reference.
absl::StatusOr<ValueId> InFloats(OpBuilder& b) {
  const DType type = b.DTypeOf(b.Input(0));
  return CastTo(b, b.Input(0), IsFloat(type) ? type : DType::kF64);
}

using Body = Expr (*)(const Exprs&);
using Result = Expr (*)(Expr);

struct ReductionRow {
  const char *op_type, *op;
  Reducer reducer;
  Body body = nullptr;
  Result result = nullptr;
};

OpRow Row(const ReductionRow& f) {
  return {f.op_type, 1, 1,
          [f](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_ASSIGN_OR_RETURN(AxesReduction r, Prepare(b, f.op, f.reducer));
            if (f.body) r.body = f.body;
            if (!f.result) return ReduceAxes(b, r);
            r.result = f.result;
            TW_ASSIGN_OR_RETURN(r.inputs[0], InFloats(b));
            TW_ASSIGN_OR_RETURN(const ValueId reduced, ReduceAxes(b, r));
            return CastTo(b, reduced, b.DTypeOf(b.Input(0)));
          },
          kNumbers};
}

OpRow ExtremeRow(const char* op_type, const char* op, Reducer reducer) {
  return {op_type, 1, 1,
          [=](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_ASSIGN_OR_RETURN(const AxesReduction r, Prepare(b, op, reducer));
            return ReduceExtreme(b, r);
          },
          kEveryType};
}

absl::StatusOr<Outputs> ReduceMean(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(AxesReduction r, Prepare(b, "reduce_mean", Reducer::kSum));
  return MeanOverAxes(b, std::move(r));
}

// What is subtracted before the exponential: nothing where it is infinite, since inf - inf is NaN.
Expr FiniteOrZero(const Expr& maximum) {
  const Expr infinite = Call("isinf", {maximum}, DType::kBool);
  return Select(infinite, Const(0, maximum->dtype), maximum);
}

// max + log(sum(exp(x - max))), which cannot overflow.
absl::StatusOr<Outputs> ReduceLogSumExp(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(AxesReduction r, Prepare(b, "reduce_max", Reducer::kMax));
  TW_ASSIGN_OR_RETURN(r.inputs[0], InFloats(b));
  const bool keep = std::exchange(r.keep, true);
  TW_ASSIGN_OR_RETURN(const ValueId maximum, ReduceAxes(b, r));
  AxesReduction sum{.op = "reduce_log_sum_exp", .inputs = {r.inputs[0], maximum}, .axes = r.axes};
  sum.body = [](const Exprs& x) { return Apply("exp", x[0] - FiniteOrZero(x[1])); };
  sum.result = Logarithm;
  TW_ASSIGN_OR_RETURN(const ValueId log_sum, ReduceAxes(b, sum));
  TW_ASSIGN_OR_RETURN(ValueId total, Map(b, "add", {log_sum, maximum},
                                         [](const Exprs& x) { return x[0] + FiniteOrZero(x[1]); }));
  TW_ASSIGN_OR_RETURN(total, CastTo(b, total, b.DTypeOf(b.Input(0))));
  if (keep) return total;
  Shape shape = b.ShapeOf(total);
  for (size_t i = r.axes.size(); i-- > 0;) {
    shape.erase(shape.begin() + static_cast<int64_t>(r.axes[i]));
  }
  return Reshape(b, total, std::move(shape));
}

}  // namespace

OpList reduce() {
  return {Row({"ReduceSum", "reduce_sum", Reducer::kSum}),
          ExtremeRow("ReduceMax", "reduce_max", Reducer::kMax),
          ExtremeRow("ReduceMin", "reduce_min", Reducer::kMin),
          Row({"ReduceProd", "reduce_prod", Reducer::kProd}),
          Row({"ReduceSumSquare", "reduce_sum_square", Reducer::kSum, Square}),
          Row({"ReduceL1", "reduce_l1", Reducer::kSum, Magnitude}),
          Row({"ReduceL2", "reduce_l2", Reducer::kSum, Square, SquareRoot}),
          Row({"ReduceLogSum", "reduce_log_sum", Reducer::kSum, nullptr, Logarithm}),
          {"ReduceMean", 1, 1, ReduceMean, kNumbers},
          {"ReduceLogSumExp", 1, 1, ReduceLogSumExp, kNumbers}};
}

}  // namespace tilewright::onnx_ops
