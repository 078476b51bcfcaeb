#include "compiler/loop/expr.h"

#include <bit>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "compiler/loop/integer_math.h"

namespace tilewright {
namespace {

Expr Make(ExprNode node) { return std::make_shared<const ExprNode>(std::move(node)); }

bool IsCommutative(BinaryOp op) {
  return op == BinaryOp::kAdd || op == BinaryOp::kMul || op == BinaryOp::kMin ||
         op == BinaryOp::kMax || op == BinaryOp::kEq || op == BinaryOp::kNe || op >= BinaryOp::kAnd;
}

int64_t Fold(BinaryOp op, int64_t a, int64_t b) {
  switch (op) {
    case BinaryOp::kAdd: return WrapAdd(a, b);
    case BinaryOp::kSub: return WrapSub(a, b);
    case BinaryOp::kMul: return WrapMul(a, b);
    case BinaryOp::kDiv: return DivFloor(a, b);
    case BinaryOp::kMod: return ModFloor(a, b);
    case BinaryOp::kMin: return a < b ? a : b;
    case BinaryOp::kMax: return a < b ? b : a;
    case BinaryOp::kLt: return a < b;
    case BinaryOp::kLe: return a <= b;
    case BinaryOp::kEq: return a == b;
    case BinaryOp::kNe: return a != b;
    case BinaryOp::kAnd: return a & b;
    case BinaryOp::kOr: return a | b;
    case BinaryOp::kXor: return a ^ b;
  }
  return 0;
}

// x op c for a literal c of kI64; null when nothing can be dropped.
Expr FoldRight(BinaryOp op, const Expr& x, int64_t c) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub: return c == 0 ? x : nullptr;
    case BinaryOp::kMul:
      if (c == 0) return Int(0);
      return c == 1 ? x : nullptr;
    case BinaryOp::kDiv: return c == 1 ? x : nullptr;
    case BinaryOp::kMod: return c == 1 ? Int(0) : nullptr;
    default: return nullptr;
  }
}

// a op a; null when nothing is known.
Expr FoldSame(BinaryOp op, const Expr& a) {
  switch (op) {
    case BinaryOp::kSub: return Int(0);
    case BinaryOp::kMin:
    case BinaryOp::kMax: return a;
    case BinaryOp::kLe:
    case BinaryOp::kEq: return Bool(true);
    case BinaryOp::kLt:
    case BinaryOp::kNe: return Bool(false);
    default: return nullptr;
  }
}

Expr FoldIndex(BinaryOp op, const Expr& a, const Expr& b) {
  const int64_t* x = AsInt(a);
  const int64_t* y = AsInt(b);
  const bool divides = op == BinaryOp::kDiv || op == BinaryOp::kMod;
  if (x != nullptr && y != nullptr && !(divides && *y == 0)) {
    return Int(Fold(op, *x, *y), IsComparison(op) ? DType::kBool : DType::kI64);
  }
  if (divides && x != nullptr && *x == 0) return a;
  if (y != nullptr) return FoldRight(op, a, *y);
  return a == b ? FoldSame(op, a) : nullptr;
}

Expr FoldBool(BinaryOp op, const Expr& a, const Expr& b) {
  const int64_t* x = AsInt(a);
  const int64_t* y = AsInt(b);
  if (x != nullptr && y != nullptr) return Bool(Fold(op, *x != 0, *y != 0) != 0);
  if (op != BinaryOp::kAnd && op != BinaryOp::kOr) return nullptr;
  const bool neutral = op == BinaryOp::kAnd;
  if (x != nullptr) return (*x != 0) == neutral ? b : a;
  if (y != nullptr) return (*y != 0) == neutral ? a : b;
  return a == b ? a : nullptr;
}

bool EqualNodes(const ExprNode& a, const ExprNode& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.ivalue != b.ivalue || a.op != b.op ||
      a.buffer != b.buffer || a.operands.size() != b.operands.size() || a.name != b.name) {
    return false;
  }
  // Literals are compared by bits, so that 0.0 and -0.0 differ and NaN equals itself.
  if (a.kind == ExprKind::kFloat)
    return std::bit_cast<int64_t>(a.fvalue) == std::bit_cast<int64_t>(b.fvalue);
  for (size_t i = 0; i < a.operands.size(); ++i) {
    if (!Equal(a.operands[i], b.operands[i])) return false;
  }
  return true;
}

}  // namespace

Expr Int(int64_t value, DType dtype) {
  const int64_t wrapped = Dispatch(dtype, [value]<typename T>() {
    return std::is_integral_v<T> ? static_cast<int64_t>(static_cast<T>(value)) : value;
  });
  return Make({.kind = ExprKind::kInt, .dtype = dtype, .ivalue = wrapped});
}

Expr Bool(bool value) { return Int(value ? 1 : 0, DType::kBool); }

Expr Float(double value, DType dtype) {
  return Make({.kind = ExprKind::kFloat, .dtype = dtype, .fvalue = RoundTo(dtype, value)});
}

Expr Const(double value, DType dtype) {
  if (IsFloat(dtype)) return Float(value, dtype);
  if (dtype == DType::kBool) return Bool(value != 0);
  return Dispatch(dtype, [value, dtype]<typename T>() {
    using Limits = std::numeric_limits<T>;
    if (value >= static_cast<double>(Limits::max())) {
      return Int(static_cast<int64_t>(Limits::max()), dtype);
    }
    if (value <= static_cast<double>(Limits::lowest())) {
      return Int(static_cast<int64_t>(Limits::lowest()), dtype);
    }
    return Int(static_cast<int64_t>(static_cast<T>(value)), dtype);
  });
}

Expr Var(std::string name, DType dtype) {
  return Make({.kind = ExprKind::kVar, .dtype = dtype, .name = std::move(name)});
}

Expr Load(Buffer buffer, std::vector<Expr> indices) {
  TW_CHECK(indices.size() == buffer->shape.size()) << "load from " << buffer->name;
  const DType dtype = buffer->dtype;
  return Make({.kind = ExprKind::kLoad,
               .dtype = dtype,
               .buffer = std::move(buffer),
               .operands = std::move(indices)});
}

Expr Call(std::string name, std::vector<Expr> operands, DType dtype) {
  return Make({.kind = ExprKind::kCall,
               .dtype = dtype,
               .name = std::move(name),
               .operands = std::move(operands)});
}

Expr Binary(BinaryOp op, Expr a, Expr b) {
  TW_CHECK(a->dtype == b->dtype) << "operands " << NameOf(a->dtype) << ", " << NameOf(b->dtype);
  const DType operand = a->dtype;
  if (operand == DType::kI64 || operand == DType::kBool) {
    if (IsCommutative(op) && AsInt(a) != nullptr && AsInt(b) == nullptr) std::swap(a, b);
    Expr folded = operand == DType::kI64 ? FoldIndex(op, a, b) : FoldBool(op, a, b);
    if (folded != nullptr) return folded;
  }
  return Make({.kind = ExprKind::kBinary,
               .dtype = IsComparison(op) ? DType::kBool : operand,
               .op = op,
               .operands = {std::move(a), std::move(b)}});
}

Expr Select(Expr condition, Expr yes, Expr no) {
  TW_CHECK(yes->dtype == no->dtype) << "select between two types";
  if (const int64_t* known = AsInt(condition)) return *known != 0 ? yes : no;
  const DType dtype = yes->dtype;
  return Make({.kind = ExprKind::kSelect,
               .dtype = dtype,
               .operands = {std::move(condition), std::move(yes), std::move(no)}});
}

Expr Cast(Expr value, DType dtype) {
  if (value->dtype == dtype) return value;
  return Make({.kind = ExprKind::kCast, .dtype = dtype, .operands = {std::move(value)}});
}

Expr operator+(Expr a, Expr b) { return Binary(BinaryOp::kAdd, std::move(a), std::move(b)); }
Expr operator-(Expr a, Expr b) { return Binary(BinaryOp::kSub, std::move(a), std::move(b)); }
Expr operator*(Expr a, Expr b) { return Binary(BinaryOp::kMul, std::move(a), std::move(b)); }
Expr operator+(Expr a, int64_t b) { return std::move(a) + Int(b); }
Expr operator-(Expr a, int64_t b) { return std::move(a) - Int(b); }
Expr operator*(Expr a, int64_t b) { return std::move(a) * Int(b); }
Expr FloorDiv(Expr a, int64_t b) { return Binary(BinaryOp::kDiv, std::move(a), Int(b)); }
Expr FloorMod(Expr a, int64_t b) { return Binary(BinaryOp::kMod, std::move(a), Int(b)); }
Expr Min(Expr a, Expr b) { return Binary(BinaryOp::kMin, std::move(a), std::move(b)); }
Expr Max(Expr a, Expr b) { return Binary(BinaryOp::kMax, std::move(a), std::move(b)); }
Expr Lt(Expr a, Expr b) { return Binary(BinaryOp::kLt, std::move(a), std::move(b)); }
Expr Le(Expr a, Expr b) { return Binary(BinaryOp::kLe, std::move(a), std::move(b)); }
Expr Eq(Expr a, Expr b) { return Binary(BinaryOp::kEq, std::move(a), std::move(b)); }

Expr And(Expr a, Expr b) {
  if (a == nullptr) return b;
  return b == nullptr ? a : Binary(BinaryOp::kAnd, std::move(a), std::move(b));
}

Expr Or(Expr a, Expr b) {
  if (a == nullptr || b == nullptr) return nullptr;  // null is "true"
  return Binary(BinaryOp::kOr, std::move(a), std::move(b));
}

Buffer MakeBuffer(std::string name, DType dtype, std::vector<int64_t> shape, Scope scope) {
  return std::make_shared<const BufferNode>(BufferNode{
      .name = std::move(name), .dtype = dtype, .shape = std::move(shape), .scope = scope});
}

const int64_t* AsInt(const Expr& e) {
  return e != nullptr && e->kind == ExprKind::kInt ? &e->ivalue : nullptr;
}

bool Equal(const Expr& a, const Expr& b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->kind == ExprKind::kVar) return false;
  return EqualNodes(*a, *b);
}

}  // namespace tilewright
