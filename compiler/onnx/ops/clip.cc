// Clip: bounds as attributes up to opset 10, as optional inputs from 11 on.
#include <utility>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> ClipByAttributes(OpBuilder& b) {
  // The defaults are the lowest and highest float32: no bound at all.
  const bool has_min = b.HasAttr("min"), has_max = b.HasAttr("max");
  const double lo = b.Float("min", 0), hi = b.Float("max", 0);
  if (!has_min && !has_max) return b.Input(0);
  return Map(b, "clip", {b.Input(0)}, [=](const Exprs& x) {
    Expr y = x[0];
    if (has_min) y = Max(y, Const(lo, y->dtype));
    if (has_max) y = Min(y, Const(hi, y->dtype));
    return y;
  });
}

// A bound as a literal when it is constant (so that later passes recognise relu6), else loaded.
struct Bound {
  bool present = false;
  Tensor literal;
  size_t operand = 0;
  // In the type that the formula is computed in, which a 16-bit float's is not.
  Expr In(const Exprs& x) const {
    if (literal.empty()) return x[operand];
    const DType dtype = x[0]->dtype;
    return IsFloat(dtype) ? Float(literal.AsDouble(0), dtype) : Int(literal.AsInt(0), dtype);
  }
};

absl::StatusOr<Bound> ReadBound(OpBuilder& b, size_t i, std::vector<ValueId>& operands) {
  if (!b.HasInput(i)) return Bound{};
  const ValueId value = b.Input(i);
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), value}));
  if (NumElements(b.ShapeOf(value)) != 1) {
    return absl::InvalidArgumentError("a bound must be a scalar");
  }
  if (b.IsConstant(value)) {
    TW_ASSIGN_OR_RETURN(Tensor constant, b.ConstInput(i, "bound"));
    return Bound{.present = true, .literal = std::move(constant)};
  }
  TW_ASSIGN_OR_RETURN(const ValueId scalar, Reshape(b, value, {}));
  operands.push_back(scalar);
  return Bound{.present = true, .operand = operands.size() - 1};
}

absl::StatusOr<Outputs> ClipByInputs(OpBuilder& b) {
  std::vector<ValueId> operands = {b.Input(0)};
  TW_ASSIGN_OR_RETURN(const Bound lo, ReadBound(b, 1, operands));
  TW_ASSIGN_OR_RETURN(const Bound hi, ReadBound(b, 2, operands));
  if (!lo.present && !hi.present) return b.Input(0);
  return Map(b, "clip", operands, [&](const Exprs& x) {
    Expr y = x[0];
    if (lo.present) y = Max(y, lo.In(x));
    if (hi.present) y = Min(y, hi.In(x));
    return y;
  });
}

}  // namespace

OpList clip() {
  return {{"Clip", 6, 1, ClipByAttributes, kNumbers}, {"Clip", 11, 1, ClipByInputs, kNumbers}};
}

}  // namespace tilewright::onnx_ops
