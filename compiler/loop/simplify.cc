#include "compiler/loop/simplify.h"

#include <utility>

#include "compiler/loop/simplifier.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// Beyond this, differences might wrap around and decide nothing.
constexpr int64_t kSafe = int64_t{1} << 60;

bool IsSafe(const Linear& sum) {
  if (sum.constant <= -kSafe || sum.constant >= kSafe) return false;
  for (const Linear::Term& term : sum.terms) {
    if (term.coefficient <= -kSafe || term.coefficient >= kSafe) return false;
  }
  return true;
}

// positive - negative of a sum without its constant, both with positive coefficients.
std::pair<Linear, Linear> Sides(const Linear& sum) {
  Linear positive, negative;
  for (const Linear::Term& term : sum.terms) {
    if (term.coefficient > 0) {
      positive.terms.push_back(term);
    } else {
      negative.terms.push_back({term.atom, -term.coefficient});
    }
  }
  return {std::move(positive), std::move(negative)};
}

// The canonical spelling of sum < 0: divided by the coefficients' gcd, no subtraction.
Expr LessThanZero(Linear sum) {
  const int64_t gcd = sum.Gcd();
  for (Linear::Term& term : sum.terms) term.coefficient /= gcd;
  const int64_t limit = DivFloor(-sum.constant - 1, gcd);  // sum <= limit
  auto [positive, negative] = Sides(sum);
  if (positive.IsConstant()) return Le(Int(-limit), Build(std::move(negative)));
  negative.constant = limit + 1;
  return Lt(Build(std::move(positive)), Build(std::move(negative)));
}

Expr EqualToZero(BinaryOp op, Linear sum) {
  const int64_t gcd = sum.Gcd();
  if (sum.constant % gcd != 0) return Bool(op == BinaryOp::kNe);
  for (Linear::Term& term : sum.terms) term.coefficient /= gcd;
  sum.Sort();
  if (sum.terms.front().coefficient < 0) {  // only when no coefficient is positive
    Linear negated;
    negated.Add(sum, -1);
    negated.constant = -sum.constant / gcd;
    sum = std::move(negated);
  } else {
    sum.constant /= gcd;
  }
  auto [positive, negative] = Sides(sum);
  negative.constant = -sum.constant;
  return Binary(op, Build(std::move(positive)), Build(std::move(negative)));
}

}  // namespace

Expr Simplifier::Run(const Expr& e) {
  if (e == nullptr || e->kind == ExprKind::kInt || e->kind == ExprKind::kFloat) return e;
  if (e->kind == ExprKind::kVar) return knowledge_.ValueOf(e);
  if (e.use_count() < 2) return RunNode(e);
  const auto found = memo_.find(e.get());
  if (found != memo_.end()) return found->second.second;
  Expr result = RunNode(e);
  memo_[e.get()] = {e, result};
  return result;
}

Linear Simplifier::RunLinear(const Expr& e) {
  Linear sum;
  AddTo(&sum, e, 1);
  sum.JoinDivMod();
  return sum;
}

Expr Simplifier::RunNode(const Expr& e) {
  switch (e->kind) {
    case ExprKind::kLoad: return Load(e->buffer, RunAll(e->operands));
    case ExprKind::kCall: return RunCall(*e);
    case ExprKind::kBinary: return RunBinary(*e);
    case ExprKind::kSelect: return RunSelect(*e);
    case ExprKind::kCast: return RunCast(*e);
    default: return e;
  }
}

std::vector<Expr> Simplifier::RunAll(const std::vector<Expr>& operands) {
  std::vector<Expr> results;
  results.reserve(operands.size());
  for (const Expr& operand : operands) results.push_back(Run(operand));
  return results;
}

Expr Simplifier::RunBinary(const ExprNode& e) {
  const Expr& a = e.operands[0];
  const Expr& b = e.operands[1];
  if (a->dtype == DType::kBool && (e.op == BinaryOp::kAnd || e.op == BinaryOp::kOr)) {
    return RunLogic(e);
  }
  if (a->dtype != DType::kI64) return Binary(e.op, Run(a), Run(b));
  switch (e.op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMul: {
      Linear sum;
      AddSum(&sum, e, 1);
      sum.JoinDivMod();
      return Build(std::move(sum));
    }
    case BinaryOp::kDiv:
    case BinaryOp::kMod: {
      const Expr divisor = Run(b);
      const int64_t* c = AsInt(divisor);
      if (c == nullptr || *c <= 0) return Binary(e.op, Run(a), divisor);
      Linear result = e.op == BinaryOp::kDiv ? Divide(RunLinear(a), *c, knowledge_)
                                             : Modulo(RunLinear(a), *c, knowledge_);
      result.JoinDivMod();
      return Build(std::move(result));
    }
    case BinaryOp::kMin:
    case BinaryOp::kMax: return MinMax(e.op, Run(a), Run(b));
    case BinaryOp::kLt:
    case BinaryOp::kLe:
    case BinaryOp::kEq:
    case BinaryOp::kNe: return Compare(e.op, a, b);
    default: return Binary(e.op, Run(a), Run(b));
  }
}

void Simplifier::AddTo(Linear* sum, const Expr& e, int64_t scale) {
  const bool is_sum =
      e->kind == ExprKind::kBinary &&
      (e->op == BinaryOp::kAdd || e->op == BinaryOp::kSub || e->op == BinaryOp::kMul);
  if (!is_sum || e.use_count() > 1) return sum->AddExpr(Run(e), scale);
  AddSum(sum, *e, scale);
}

// Adds scale times a sum, difference or product.
void Simplifier::AddSum(Linear* sum, const ExprNode& e, int64_t scale) {
  if (e.op == BinaryOp::kMul) return AddProduct(sum, e, scale);
  AddTo(sum, e.operands[0], scale);
  AddTo(sum, e.operands[1], e.op == BinaryOp::kAdd ? scale : WrapSub(0, scale));
}

void Simplifier::AddProduct(Linear* sum, const ExprNode& e, int64_t scale) {
  if (const int64_t* c = AsInt(e.operands[1])) {
    return AddTo(sum, e.operands[0], WrapMul(scale, *c));
  }
  Linear a = RunLinear(e.operands[0]);
  Linear b = RunLinear(e.operands[1]);
  if (a.IsConstant()) return sum->Add(b, WrapMul(a.constant, scale));
  if (b.IsConstant()) return sum->Add(a, WrapMul(b.constant, scale));
  Expr x = Build(std::move(a)), y = Build(std::move(b));
  if (CompareStructure(x, y) > 0) std::swap(x, y);
  sum->AddExpr(std::move(x) * std::move(y), scale);
}

Expr Simplifier::Compare(BinaryOp op, const Expr& a, const Expr& b) {
  Linear difference = RunLinear(a);
  const Linear right = RunLinear(b);
  if (!IsSafe(difference) || !IsSafe(right)) {
    return Binary(op, Build(std::move(difference)), Build(right));
  }
  difference.Add(right, -1);
  difference.JoinDivMod();
  if (op == BinaryOp::kLe) difference.constant -= 1;  // a <= b as a - b - 1 < 0
  const Interval bounds = knowledge_.BoundsOf(difference);
  if (op == BinaryOp::kEq || op == BinaryOp::kNe) {
    if (bounds.lo > 0 || bounds.hi < 0) return Bool(op == BinaryOp::kNe);
    if (bounds.lo == 0 && bounds.hi == 0) return Bool(op == BinaryOp::kEq);
    return EqualToZero(op, std::move(difference));
  }
  if (bounds.hi < 0) return Bool(true);
  if (bounds.lo >= 0) return Bool(false);
  return LessThanZero(std::move(difference));
}

Expr Simplifier::MinMax(BinaryOp op, const Expr& a, const Expr& b) {
  Linear difference = LinearOf(a);
  const Linear right = LinearOf(b);
  const bool smaller = op == BinaryOp::kMin;
  if (IsSafe(difference) && IsSafe(right)) {
    difference.Add(right, -1);
    const Interval bounds = knowledge_.BoundsOf(difference);
    if (bounds.hi <= 0) return smaller ? a : b;
    if (bounds.lo >= 0) return smaller ? b : a;
  }
  return CompareStructure(a, b) > 0 ? Binary(op, b, a) : Binary(op, a, b);
}

Expr Simplifier::RunUnder(const Expr& condition, bool truth, const Expr& e) {
  if (!Knowledge::CanLearnFrom(condition)) return Run(e);
  Scope scope(this);
  scope.knowledge().Assume(condition, truth);
  return Run(e);
}

Expr Simplifier::RunLogic(const ExprNode& e) {
  const bool is_and = e.op == BinaryOp::kAnd;
  Expr a = Run(e.operands[0]);
  if (const int64_t* known = AsInt(a)) return (*known != 0) == is_and ? Run(e.operands[1]) : a;
  // The right side matters only where the left one has not decided.
  Expr b = RunUnder(a, is_and, e.operands[1]);
  return Binary(e.op, std::move(a), std::move(b));
}

Expr Simplifier::RunSelect(const ExprNode& e) {
  Expr condition = Run(e.operands[0]);
  if (const int64_t* known = AsInt(condition)) return Run(e.operands[*known != 0 ? 1 : 2]);
  Expr yes = RunUnder(condition, true, e.operands[1]);
  Expr no = RunUnder(condition, false, e.operands[2]);
  if (Equal(yes, no)) return yes;
  return Select(std::move(condition), std::move(yes), std::move(no));
}

Expr Simplifier::RunCast(const ExprNode& e) {
  Expr value = Run(e.operands[0]);
  const int64_t* known = AsInt(value);
  if (known != nullptr && e.dtype == DType::kI64) return Int(*known);
  if (known != nullptr && e.dtype == DType::kF64) {
    const bool wide = value->dtype == DType::kU64;
    return Float(
        wide ? static_cast<double>(static_cast<uint64_t>(*known)) : static_cast<double>(*known),
        DType::kF64);
  }
  return Cast(std::move(value), e.dtype);
}

Expr Simplifier::RunCall(const ExprNode& e) {
  if (e.name != "not") return Call(e.name, RunAll(e.operands), e.dtype);
  Expr value = Run(e.operands[0]);
  if (const int64_t* known = AsInt(value)) return Bool(*known == 0);
  const bool compares =
      value->kind == ExprKind::kBinary && value->operands[0]->dtype == DType::kI64;
  if (compares && value->op == BinaryOp::kLt) {
    return Compare(BinaryOp::kLe, value->operands[1], value->operands[0]);
  }
  if (compares && value->op == BinaryOp::kLe) {
    return Compare(BinaryOp::kLt, value->operands[1], value->operands[0]);
  }
  return Call(e.name, {std::move(value)}, e.dtype);
}

Expr Simplify(const Expr& e, const Ranges& ranges) { return Simplifier(ranges).Run(e); }

std::optional<Range> BoundsOf(const Expr& e, const Ranges& ranges) {
  Simplifier simplifier(ranges);
  const Expr simple = simplifier.Run(e);
  const Interval bounds = simplifier.knowledge().BoundsOf(LinearOf(simple));
  return bounds.bounded() ? std::optional<Range>({bounds.lo, bounds.hi}) : std::nullopt;
}

std::optional<Affine> AffineIn(const Expr& e, const Expr& var) {
  Linear sum = Simplifier({}).RunLinear(e);
  Linear rest{.constant = sum.constant};
  int64_t coefficient = 0;
  for (const Linear::Term& term : sum.terms) {
    if (term.atom == var) {
      coefficient = term.coefficient;
    } else if (UsesVar(term.atom, var)) {
      return std::nullopt;
    } else {
      rest.terms.push_back(term);
    }
  }
  return Affine{coefficient, Build(std::move(rest))};
}

}  // namespace tilewright
