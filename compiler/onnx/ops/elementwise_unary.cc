// Elementwise functions of one input without attributes.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::Status CheckType(bool fits, const OpBuilder& b) {
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input is ", Sv(NameOf(b.DTypeOf(b.Input(0)))), ", which it does not take"));
}

// A call of the loop IR by that name on floats.
OpRow FloatCall(std::string op_type, std::string call, int64_t since = 1) {
  return {std::move(op_type), since, 1,
          [call](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_RETURN_IF_ERROR(CheckType(IsFloat(b.DTypeOf(b.Input(0))), b));
            return Map(b, call, {b.Input(0)},
                       [&](const Exprs& x) { return Call(call, {x[0]}, x[0]->dtype); });
          },
          kFloats};
}

// The same on any numbers.
OpRow NumberCall(std::string op_type, std::string call, int64_t since = 1) {
  return {std::move(op_type), since, 1,
          [call](OpBuilder& b) -> absl::StatusOr<Outputs> {
            const DType dtype = b.DTypeOf(b.Input(0));
            TW_RETURN_IF_ERROR(CheckType(dtype != DType::kBool, b));
            if (IsUnsigned(dtype) && call == "abs") return b.Input(0);
            return Map(b, call, {b.Input(0)},
                       [&](const Exprs& x) { return Call(call, {x[0]}, x[0]->dtype); });
          },
          kNumbers};
}

absl::StatusOr<Outputs> Reciprocal(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckType(IsFloat(b.DTypeOf(b.Input(0))), b));
  return Map(b, "reciprocal", {b.Input(0)},
             [](const Exprs& x) { return Divide(Const(1, x[0]->dtype), x[0]); });
}

absl::StatusOr<Outputs> Not(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckType(b.DTypeOf(b.Input(0)) == DType::kBool, b));
  return Map(b, "not", {b.Input(0)},
             [](const Exprs& x) { return Call("not", {x[0]}, DType::kBool); });
}

absl::StatusOr<Outputs> BitwiseNot(OpBuilder& b) {
  return Map(b, "bitwise_not", {b.Input(0)},
             [](const Exprs& x) { return Binary(BinaryOp::kXor, x[0], Int(-1, x[0]->dtype)); });
}

absl::StatusOr<Outputs> IsNaN(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckType(IsFloat(b.DTypeOf(b.Input(0))), b));
  return Map(b, "is_nan", {b.Input(0)},
             [](const Exprs& x) { return Call("isnan", {x[0]}, DType::kBool); });
}

absl::StatusOr<Outputs> IsInf(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckType(IsFloat(b.DTypeOf(b.Input(0))), b));
  const bool positive = b.Int("detect_positive", 1) != 0;
  const bool negative = b.Int("detect_negative", 1) != 0;
  return Map(b, "is_inf", {b.Input(0)}, [&](const Exprs& x) {
    const Expr zero = Const(0, x[0]->dtype);
    Expr sign = Bool(positive && negative);
    if (positive && !negative) sign = Lt(zero, x[0]);
    if (negative && !positive) sign = Lt(x[0], zero);
    return And(Call("isinf", {x[0]}, DType::kBool), sign);
  });
}

}  // namespace

OpList elementwise_unary() {
  return {NumberCall("Abs", "abs"),
          NumberCall("Neg", "neg"),
          NumberCall("Sign", "sign", 9),
          FloatCall("Acos", "acos"),
          FloatCall("Acosh", "acosh"),
          FloatCall("Asin", "asin"),
          FloatCall("Asinh", "asinh"),
          FloatCall("Atan", "atan"),
          FloatCall("Atanh", "atanh"),
          FloatCall("Ceil", "ceil"),
          FloatCall("Cos", "cos"),
          FloatCall("Cosh", "cosh"),
          FloatCall("Erf", "erf", 9),
          FloatCall("Exp", "exp"),
          FloatCall("Floor", "floor"),
          FloatCall("Log", "log"),
          FloatCall("Round", "round"),
          FloatCall("Sin", "sin"),
          FloatCall("Sinh", "sinh"),
          FloatCall("Sqrt", "sqrt"),
          FloatCall("Tan", "tan"),
          FloatCall("Tanh", "tanh"),
          {"Reciprocal", 1, 1, Reciprocal, kFloats},
          {"Not", 1, 1, Not, kBools},
          {"BitwiseNot", 18, 1, BitwiseNot, kIntegers},
          {"IsNaN", 9, 1, IsNaN, kFloats},
          {"IsInf", 10, 1, IsInf, kFloats}};
}

}  // namespace tilewright::onnx_ops
