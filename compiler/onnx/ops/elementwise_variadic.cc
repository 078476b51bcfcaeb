// Max, Min, Sum and Mean of any number of inputs with broadcasting.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using Fold = Expr (*)(Expr, Expr);

// Folds in halves, so that the expression's depth stays logarithmic.
Expr FoldRange(const Exprs& x, size_t begin, size_t end, Fold fold) {
  if (end - begin == 1) return x[begin];
  const size_t middle = begin + (end - begin) / 2;
  return fold(FoldRange(x, begin, middle, fold), FoldRange(x, middle, end, fold));
}

// The extreme of two, NaN where either is. (max and min keep a NaN of the first operand only.)
Expr Largest(Expr a, Expr b) {
  const Expr nan = IsNan(b);
  return Select(nan, b, Max(std::move(a), b));
}
Expr Smallest(Expr a, Expr b) {
  const Expr nan = IsNan(b);
  return Select(nan, b, Min(std::move(a), b));
}

Expr Sum(Expr a, Expr b) { return std::move(a) + std::move(b); }

OpRow Row(const char* op_type, const char* name, Fold fold) {
  const bool mean = std::string_view(op_type) == "Mean";
  return {op_type, 6, kAllInputs,
          [=](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_RETURN_IF_ERROR(CheckSameType(b, b.Inputs()));
            return Map(b, name, b.Inputs(), [&](const Exprs& x) {
              const Expr folded = FoldRange(x, 0, x.size(), fold);
              return mean ? Divide(folded, Const(static_cast<double>(x.size()), folded->dtype))
                          : folded;
            });
          },
          mean ? kFloats : kNumbers};
}

}  // namespace

OpList elementwise_variadic() {
  return {Row("Max", "max", Largest), Row("Min", "min", Smallest), Row("Sum", "sum", Sum),
          Row("Mean", "mean", Sum)};
}

}  // namespace tilewright::onnx_ops
