// Elementwise functions of two inputs with broadcasting.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

enum class Takes { kNumbers, kIntegers, kBools, kAnything };

absl::Status CheckTypes(const OpBuilder& b, Takes takes) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  const DType dtype = b.DTypeOf(b.Input(0));
  const bool is_bool = dtype == DType::kBool;
  const bool fits = takes == Takes::kAnything || (takes == Takes::kBools && is_bool) ||
                    (takes == Takes::kNumbers && !is_bool) ||
                    (takes == Takes::kIntegers && !is_bool && !IsFloat(dtype));
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("inputs are ", Sv(NameOf(dtype)), ", which it does not take"));
}

ElementTypes TypesOf(Takes takes) {
  switch (takes) {
    case Takes::kNumbers: return kNumbers;
    case Takes::kIntegers: return kIntegers;
    case Takes::kBools: return kBools;
    case Takes::kAnything: break;
  }
  return kEveryType;
}

using Formula = Expr (*)(Expr, Expr);

struct BinaryRow {
  std::string op_type;
  int64_t since;
  const char* name;
  Takes takes;
  Formula formula;
};

OpRow Row(const BinaryRow& f) {
  return {f.op_type, f.since, 2,
          [f](OpBuilder& b) -> absl::StatusOr<Outputs> {
            TW_RETURN_IF_ERROR(CheckTypes(b, f.takes));
            return Map(b, f.name, {b.Input(0), b.Input(1)},
                       [&](const Exprs& x) { return f.formula(x[0], x[1]); });
          },
          TypesOf(f.takes)};
}

template <BinaryOp op>
Expr Apply(Expr a, Expr b) {
  return Binary(op, std::move(a), std::move(b));
}
Expr Greater(Expr a, Expr b) { return Lt(std::move(b), std::move(a)); }
Expr GreaterOrEqual(Expr a, Expr b) { return Le(std::move(b), std::move(a)); }

// The remainder with the dividend's sign, C's %; a zero divisor counts as one.
Expr Remainder(const Expr& a, const Expr& b) {
  if (IsFloat(a->dtype)) return Call("fmod", {a, b}, a->dtype);
  return a - Divide(a, b) * Select(Eq(b, Int(0, b->dtype)), Int(1, b->dtype), b);
}

// The remainder with the divisor's sign, Python's %.
Expr FlooredRemainder(const Expr& a, const Expr& b) {
  const Expr r = Remainder(a, b);
  const Expr zero = Const(0, a->dtype);
  const Expr differs = Binary(BinaryOp::kXor, Lt(r, zero), Lt(b, zero));
  return Select(And(Binary(BinaryOp::kNe, r, zero), differs), r + b, r);
}

absl::StatusOr<Outputs> Mod(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckTypes(b, Takes::kNumbers));
  const bool fmod = b.Int("fmod", 0) != 0;
  return Map(b, "mod", {b.Input(0), b.Input(1)}, [fmod](const Exprs& x) {
    return fmod ? Remainder(x[0], x[1]) : FlooredRemainder(x[0], x[1]);
  });
}

absl::StatusOr<Outputs> BitShift(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckTypes(b, Takes::kIntegers));
  const std::string direction = b.Str("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    return absl::InvalidArgumentError("attribute direction must be LEFT or RIGHT");
  }
  const char* call = direction == "LEFT" ? "shl" : "shr";
  return Map(b, call, {b.Input(0), b.Input(1)}, [call](const Exprs& x) {
    const int64_t widest = static_cast<int64_t>(SizeOf(x[0]->dtype)) * 8;
    const Expr zero = Int(0, x[0]->dtype);
    const Expr fits = And(Le(zero, x[1]), Lt(x[1], Int(widest, x[1]->dtype)));
    // Behind its bits a negative number goes on with ones, any other with zeros.
    const bool keeps_sign = call == std::string_view("shr") && !IsUnsigned(x[0]->dtype);
    const Expr rest = keeps_sign ? Select(Lt(x[0], zero), Int(-1, x[0]->dtype), zero) : zero;
    return Select(fits, Call(call, {x[0], x[1]}, x[0]->dtype), rest);
  });
}

// Squares are far the commonest power, cubes are those of GELU by tanh; the rest is computed in
// floating point and converted.
Expr Power(const Expr& base, const Expr& exponent) {
  const bool literal = exponent->kind == ExprKind::kFloat;
  if (literal && exponent->fvalue == 2) return base * base;
  if (literal && exponent->fvalue == 3 && IsFloat(base->dtype)) return base * base * base;
  const DType wide = base->dtype == DType::kF32 ? DType::kF32 : DType::kF64;
  const Expr power = literal ? Float(exponent->fvalue, wide) : Cast(exponent, wide);
  return Cast(Call("pow", {Cast(base, wide), power}, wide), base->dtype);
}

// The exponent as a literal when it is one constant; the commonest form in models.
absl::StatusOr<Outputs> Pow(OpBuilder& b) {
  const ValueId exponent = b.Input(1);
  if (b.IsConstant(exponent) && b.ShapeOf(exponent).empty()) {
    TW_ASSIGN_OR_RETURN(const Tensor value, b.ConstInput(1, "exponent"));
    const Expr literal = Float(value.AsDouble(0), DType::kF64);
    return Map(b, "pow", {b.Input(0)}, [&](const Exprs& x) { return Power(x[0], literal); });
  }
  return Map(b, "pow", {b.Input(0), exponent}, [](const Exprs& x) { return Power(x[0], x[1]); });
}

}  // namespace

OpList elementwise_binary() {
  return {Row({"Add", 7, "add", Takes::kNumbers, Apply<BinaryOp::kAdd>}),
          Row({"Sub", 7, "sub", Takes::kNumbers, Apply<BinaryOp::kSub>}),
          Row({"Mul", 7, "mul", Takes::kNumbers, Apply<BinaryOp::kMul>}),
          Row({"Div", 7, "div", Takes::kNumbers, Divide}),
          Row({"And", 7, "and", Takes::kBools, Apply<BinaryOp::kAnd>}),
          Row({"Or", 7, "or", Takes::kBools, Apply<BinaryOp::kOr>}),
          Row({"Xor", 7, "xor", Takes::kBools, Apply<BinaryOp::kXor>}),
          Row({"BitwiseAnd", 18, "bitwise_and", Takes::kIntegers, Apply<BinaryOp::kAnd>}),
          Row({"BitwiseOr", 18, "bitwise_or", Takes::kIntegers, Apply<BinaryOp::kOr>}),
          Row({"BitwiseXor", 18, "bitwise_xor", Takes::kIntegers, Apply<BinaryOp::kXor>}),
          Row({"Equal", 7, "equal", Takes::kAnything, Eq}),
          Row({"Less", 7, "less", Takes::kNumbers, Lt}),
          Row({"LessOrEqual", 12, "less_equal", Takes::kNumbers, Le}),
          Row({"Greater", 7, "greater", Takes::kNumbers, Greater}),
          Row({"GreaterOrEqual", 12, "greater_equal", Takes::kNumbers, GreaterOrEqual}),
          {"Mod", 10, 2, Mod, kNumbers},
          {"BitShift", 11, 2, BitShift, kIntegers},
          {"Pow", 7, 2, Pow, kNumbers}};
}

}  // namespace tilewright::onnx_ops
