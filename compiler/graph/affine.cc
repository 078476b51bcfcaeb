#include "compiler/graph/affine.h"

#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

Expr Product(const Expr& a, const Expr& b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return a * b;
}

Expr Negated(const Expr& e, DType dtype) {
  return e == nullptr ? Const(-1, dtype) : Call("neg", {e}, e->dtype);
}

// The affine map times the factor.
AffineMap Scaled(const AffineMap& map, const Expr& factor) {
  return {.scale = Product(map.scale, factor),
          .shift = map.shift == nullptr ? nullptr : map.shift * factor};
}

std::optional<AffineMap> AffineInSum(const Expr& e, const Buffer& buffer) {
  const bool minus = e->op == BinaryOp::kSub;
  const bool left = !LoadsOf(e->operands[0], buffer).empty();
  const Expr& other = e->operands[left ? 1 : 0];
  std::optional<AffineMap> map = AffineInLoad(e->operands[left ? 0 : 1], buffer);
  if (!map) return std::nullopt;
  if (left) {
    const Expr added = minus ? Negated(other, e->dtype) : other;
    map->shift = map->shift == nullptr ? added : Binary(e->op, map->shift, other);
    return map;
  }
  map->shift = map->shift == nullptr ? other : Binary(e->op, other, map->shift);
  if (minus) map->scale = Negated(map->scale, e->dtype);
  return map;
}

}  // namespace

std::optional<AffineMap> AffineInLoad(const Expr& e, const Buffer& buffer) {
  if (e->kind == ExprKind::kLoad && e->buffer == buffer) return AffineMap{};
  if (e->kind == ExprKind::kCast) return std::nullopt;
  if (e->kind == ExprKind::kCall && e->name == "neg") {
    std::optional<AffineMap> map = AffineInLoad(e->operands[0], buffer);
    return map ? std::optional(Scaled(*map, Const(-1, e->dtype))) : std::nullopt;
  }
  if (e->kind != ExprKind::kBinary || !IsFloat(e->dtype)) return std::nullopt;
  const bool left = !LoadsOf(e->operands[0], buffer).empty();
  const bool right = !LoadsOf(e->operands[1], buffer).empty();
  if (left == right) return std::nullopt;
  if (e->op == BinaryOp::kAdd || e->op == BinaryOp::kSub) return AffineInSum(e, buffer);
  const std::optional<AffineMap> map = AffineInLoad(e->operands[left ? 0 : 1], buffer);
  if (!map) return std::nullopt;
  const Expr& other = e->operands[left ? 1 : 0];
  if (e->op == BinaryOp::kMul) return Scaled(*map, other);
  if (e->op != BinaryOp::kDiv || !left) return std::nullopt;
  return Scaled(*map, Binary(BinaryOp::kDiv, Const(1, e->dtype), other));
}

}  // namespace tilewright
