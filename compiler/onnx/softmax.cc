#include "compiler/onnx/softmax.h"

#include <limits>

#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// x minus this cannot overflow as an exponent. A NaN need not be kept: the elements are read again.
absl::StatusOr<ValueId> FindMaximum(OpBuilder& b, ValueId x, const std::vector<size_t>& axes) {
  if (!IsFloat(b.DTypeOf(x))) return absl::InvalidArgumentError("input is not a float tensor");
  return ReduceAxes(b,
                    {.op = "softmax_max", .inputs = {x}, .axes = axes, .reducer = Reducer::kMax});
}

// What lies between the data and the output is float32 where they are 16-bit floats, so that it is
// rounded once.
Expr Wide(const Expr& x) { return IsNarrowFloat(x->dtype) ? Cast(x, DType::kF32) : x; }

// -inf - -inf would be NaN.
Expr ShiftOf(const Expr& maximum) {
  const Expr none = formulas::Lit(maximum, -std::numeric_limits<double>::infinity());
  return Select(Eq(maximum, none), formulas::Lit(maximum, 0), maximum);
}

}  // namespace

absl::StatusOr<ValueId> SoftmaxOver(OpBuilder& b, ValueId x, const std::vector<size_t>& axes,
                                    bool empty_rows) {
  const DType dtype = b.DTypeOf(x);
  TW_ASSIGN_OR_RETURN(const ValueId maximum, FindMaximum(b, x, axes));
  TW_ASSIGN_OR_RETURN(const ValueId exps, Map(b, "softmax_exp", {x, maximum}, [&](const Exprs& v) {
                        const Expr most = Wide(v[1]);
                        return formulas::Exp(Wide(v[0]) - (empty_rows ? ShiftOf(most) : most));
                      }));
  TW_ASSIGN_OR_RETURN(const ValueId sum,
                      ReduceAxes(b, {.op = "softmax_sum", .inputs = {exps}, .axes = axes}));
  return Map(b, "softmax", {exps, sum}, [&](const Exprs& v) {
    const Expr zero = formulas::Lit(v[1], 0), quotient = Divide(v[0], v[1]);
    return Cast(empty_rows ? Select(Eq(v[1], zero), zero, quotient) : quotient, dtype);
  });
}

absl::StatusOr<ValueId> LogSoftmaxOver(OpBuilder& b, ValueId x, const std::vector<size_t>& axes) {
  TW_ASSIGN_OR_RETURN(const ValueId maximum, FindMaximum(b, x, axes));
  TW_ASSIGN_OR_RETURN(
      const ValueId logsum,
      ReduceAxes(b, {.op = "log_softmax_sum",
                     .inputs = {x, maximum},
                     .axes = axes,
                     .body = [](const Exprs& v) { return formulas::Exp(Wide(v[0]) - Wide(v[1])); },
                     .result = [](const Expr& sum) { return formulas::Log(sum); }}));
  const DType dtype = b.DTypeOf(x);
  return Map(b, "log_softmax", {x, maximum, logsum},
             [dtype](const Exprs& v) { return Cast(Wide(v[0]) - Wide(v[1]) - v[2], dtype); });
}

}  // namespace tilewright
