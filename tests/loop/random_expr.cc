#include "tests/loop/random_expr.h"

#include <algorithm>
#include <cstdlib>

namespace tilewright {
namespace {

// Divisors with common factors, as tilings have.
constexpr int64_t kFactors[] = {2, 3, 4, 8, 7, 16, 12};

int64_t FloorOf(int64_t a, int64_t b) { return (a - ((a % b) + b) % b) / b; }

int64_t Apply(BinaryOp op, int64_t a, int64_t b) {
  switch (op) {
    case BinaryOp::kAdd: return a + b;
    case BinaryOp::kSub: return a - b;
    case BinaryOp::kMul: return a * b;
    case BinaryOp::kDiv: return FloorOf(a, b);
    case BinaryOp::kMod: return a - b * FloorOf(a, b);
    case BinaryOp::kMin: return std::min(a, b);
    case BinaryOp::kMax: return std::max(a, b);
    case BinaryOp::kLt: return a < b;
    case BinaryOp::kLe: return a <= b;
    case BinaryOp::kEq: return a == b;
    case BinaryOp::kNe: return a != b;
    case BinaryOp::kAnd: return a & b;
    case BinaryOp::kOr: return a | b;
    case BinaryOp::kXor: return a ^ b;
  }
  std::abort();
}

}  // namespace

Expr RandomIndex(const std::vector<Expr>& vars, int depth, Rng* rng) {
  if (depth == 0) {
    if (rng->Below(4) == 0) return Int(static_cast<int64_t>(rng->Below(40)) - 15);
    return vars[rng->Below(vars.size())];
  }
  const auto next = [&] { return RandomIndex(vars, depth - 1, rng); };
  const int64_t factor = kFactors[rng->Below(std::size(kFactors))];
  switch (rng->Below(12)) {
    case 0:
    case 1:
    case 2: return next() + next();
    case 3: return next() - next();
    case 4:
    case 5: return next() * factor;
    case 6: return FloorDiv(next(), factor);
    case 7: return FloorMod(next(), factor);
    case 8: return rng->Below(2) == 0 ? Min(next(), next()) : Max(next(), next());
    case 9: return Select(RandomCondition(vars, depth - 1, rng), next(), next());
    case 10: {
      const Expr e = next();
      return FloorDiv(e, factor) * factor + FloorMod(e, factor);
    }
    default: return rng->Below(4) == 0 ? next() * next() : next();
  }
}

Expr RandomCondition(const std::vector<Expr>& vars, int depth, Rng* rng) {
  if (depth > 0 && rng->Below(2) == 0) {
    Expr a = RandomCondition(vars, depth - 1, rng), b = RandomCondition(vars, depth - 1, rng);
    if (rng->Below(4) == 0) return Call("not", {a}, DType::kBool);
    return rng->Below(3) == 0 ? Or(a, b) : And(a, b);
  }
  constexpr BinaryOp kOps[] = {BinaryOp::kLt, BinaryOp::kLe, BinaryOp::kLt, BinaryOp::kEq,
                               BinaryOp::kNe};
  return Binary(kOps[rng->Below(5)], RandomIndex(vars, depth, rng),
                RandomIndex(vars, std::max(0, depth - 1), rng));
}

int64_t Evaluate(const Expr& e, const Assignment& assignment) {
  switch (e->kind) {
    case ExprKind::kInt: return e->ivalue;
    case ExprKind::kVar: return assignment.at(e.get());
    case ExprKind::kSelect:
      return Evaluate(e->operands[Evaluate(e->operands[0], assignment) != 0 ? 1 : 2], assignment);
    case ExprKind::kCall: return Evaluate(e->operands[0], assignment) == 0;  // not
    case ExprKind::kBinary:
      return Apply(e->op, Evaluate(e->operands[0], assignment),
                   Evaluate(e->operands[1], assignment));
    default: std::abort();
  }
}

}  // namespace tilewright
