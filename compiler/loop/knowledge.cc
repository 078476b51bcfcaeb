#include "compiler/loop/knowledge.h"

#include <algorithm>
#include <utility>

namespace tilewright {
namespace {

Interval RangeOf(DType dtype) {
  if (IsFloat(dtype) || SizeOf(dtype) == 8) return {};
  const IntegerLimits limits = LimitsOf(dtype);
  return {limits.lowest, static_cast<int64_t>(limits.highest)};
}

// Orders by structure, divides by the gcd and makes the first coefficient positive, so that a sum
// and its multiples look alike. Returns what it divided by.
int64_t Normalize(std::vector<Linear::Term>* terms, int64_t gcd) {
  std::sort(terms->begin(), terms->end(), [](const Linear::Term& a, const Linear::Term& b) {
    return CompareStructure(a.atom, b.atom) < 0;
  });
  const int64_t divisor = terms->front().coefficient < 0 ? -gcd : gcd;
  for (Linear::Term& term : *terms) term.coefficient /= divisor;
  return divisor;
}

bool SameTerms(const std::vector<Linear::Term>& a, const std::vector<Linear::Term>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Linear::Term& x, const Linear::Term& y) {
                      return x.coefficient == y.coefficient && Equal(x.atom, y.atom);
                    });
}

// a - b as a sum. REQUIRES: simplified kI64 expressions.
Linear Difference(const Expr& a, const Expr& b) {
  Linear sum = LinearOf(a);
  sum.AddExpr(b, -1);
  return sum;
}

Interval ProductOf(const Interval& a, const Interval& b) {
  if (!a.bounded() || !b.bounded()) return {};
  return a.Times(b.lo).Union(a.Times(b.hi));
}

}  // namespace

Knowledge::Knowledge(const Ranges& ranges) {
  for (const auto& [var, range] : ranges) entries_[var] = {.range = {range.lo, range.hi}};
}

Expr Knowledge::ValueOf(const Expr& var) const {
  const auto found = entries_.find(var.get());
  if (found == entries_.end()) return var;
  const Entry& entry = found->second;
  if (entry.value != nullptr) return entry.value;
  const bool single = entry.range.lo == entry.range.hi;
  return single && var->dtype == DType::kI64 ? Int(entry.range.lo) : var;
}

Interval Knowledge::BoundsOf(const Expr& e) const {
  const ExprNode& node = *e;
  switch (node.kind) {
    case ExprKind::kInt: return {node.ivalue, node.ivalue};
    case ExprKind::kVar: {
      const auto found = entries_.find(e.get());
      return found == entries_.end() ? RangeOf(node.dtype) : found->second.range;
    }
    case ExprKind::kBinary:
      if (node.dtype != DType::kI64) return RangeOf(node.dtype);
      return BoundsOfBinary(node).Intersect(FactAbout(LinearOf(e)));
    case ExprKind::kSelect: return BoundsOf(node.operands[1]).Union(BoundsOf(node.operands[2]));
    case ExprKind::kCast:
      if (node.dtype != DType::kI64 || IsFloat(node.operands[0]->dtype)) return RangeOf(node.dtype);
      return BoundsOf(node.operands[0]);
    default: return RangeOf(node.dtype);
  }
}

Interval Knowledge::BoundsOfBinary(const ExprNode& e) const {
  const Expr& a = e.operands[0];
  const Expr& b = e.operands[1];
  const int64_t* c = AsInt(b);
  const bool divisible = c != nullptr && *c > 0;
  switch (e.op) {
    case BinaryOp::kAdd: return BoundsOf(a).Plus(BoundsOf(b));
    case BinaryOp::kSub: return BoundsOf(a).Plus(BoundsOf(b).Times(-1));
    case BinaryOp::kMul:
      return c != nullptr ? BoundsOf(a).Times(*c) : ProductOf(BoundsOf(a), BoundsOf(b));
    case BinaryOp::kDiv: return divisible ? BoundsOf(a).DividedBy(*c) : Interval{};
    case BinaryOp::kMod: {
      if (!divisible) return {};
      const Interval dividend = BoundsOf(a);
      const bool small = dividend.lo >= 0 && dividend.hi < *c;
      return small ? dividend : Interval{0, *c - 1};
    }
    case BinaryOp::kMin: {
      const Interval x = BoundsOf(a), y = BoundsOf(b);
      return {std::min(x.lo, y.lo), std::min(x.hi, y.hi)};
    }
    case BinaryOp::kMax: {
      const Interval x = BoundsOf(a), y = BoundsOf(b);
      return {std::max(x.lo, y.lo), std::max(x.hi, y.hi)};
    }
    default: return {};
  }
}

Interval Knowledge::BoundsOf(const Linear& sum) const {
  Interval bounds = BoundsOfTerms(sum.terms).Plus({sum.constant, sum.constant});
  return facts_.empty() ? bounds : bounds.Intersect(FactAbout(sum));
}

Interval Knowledge::BoundsOfTerms(const std::vector<Linear::Term>& terms) const {
  Interval bounds = {0, 0};
  for (const Linear::Term& term : terms) {
    bounds = bounds.Plus(BoundsOf(term.atom).Times(term.coefficient));
  }
  return bounds;
}

Interval Knowledge::FactAbout(const Linear& sum) const {
  if (facts_.empty() || sum.terms.empty()) return {};
  std::vector<Linear::Term> terms = sum.terms;
  const int64_t divisor = Normalize(&terms, sum.Gcd());
  Interval bounds;
  for (const Fact& fact : facts_) {
    if (SameTerms(fact.terms, terms)) bounds = bounds.Intersect(fact.bounds);
  }
  return bounds.Times(divisor).Plus({sum.constant, sum.constant});
}

void Knowledge::Bind(const Expr& var, Expr value) {
  const Interval range = BoundsOf(value);
  Set(var.get(), {.range = range, .value = std::move(value)});
}

void Knowledge::SetRange(const Expr& var, const Interval& range) {
  Set(var.get(), {.range = range});
}

void Knowledge::Set(const ExprNode* var, Entry entry) {
  const auto found = entries_.find(var);
  undo_.emplace_back(var, found == entries_.end() ? Entry{} : found->second);
  entries_[var] = std::move(entry);
}

void Knowledge::Restore(const Mark& mark) {
  while (undo_.size() > mark.undo) {
    entries_[undo_.back().first] = std::move(undo_.back().second);
    undo_.pop_back();
  }
  facts_.resize(mark.facts);
}

bool Knowledge::CanLearnFrom(const Expr& condition) {
  if (condition->kind == ExprKind::kCall) {
    return condition->name == "not" && CanLearnFrom(condition->operands[0]);
  }
  if (condition->kind != ExprKind::kBinary) return false;
  if (condition->operands[0]->dtype == DType::kI64) return true;
  return CanLearnFrom(condition->operands[0]) || CanLearnFrom(condition->operands[1]);
}

void Knowledge::Assume(const Expr& condition, bool truth) {
  if (condition->kind == ExprKind::kCall && condition->name == "not") {
    return Assume(condition->operands[0], !truth);
  }
  if (condition->kind != ExprKind::kBinary || condition->dtype != DType::kBool) return;
  const Expr& a = condition->operands[0];
  const Expr& b = condition->operands[1];
  if (condition->op == (truth ? BinaryOp::kAnd : BinaryOp::kOr)) {
    Assume(a, truth);
    Assume(b, truth);
    return;
  }
  if (a->dtype != DType::kI64) return;
  const Linear ab = Difference(a, b), ba = Difference(b, a);
  const auto below = [](Linear sum, int64_t offset) {
    sum.constant = WrapAdd(sum.constant, offset);
    return sum;
  };
  const bool equal = condition->op == (truth ? BinaryOp::kEq : BinaryOp::kNe);
  if (condition->op == BinaryOp::kLt) AssumeNegative(truth ? ab : below(ba, -1));
  if (condition->op == BinaryOp::kLe) AssumeNegative(truth ? below(ab, -1) : ba);
  if (equal) AssumeNegative(below(ab, -1));
  if (equal) AssumeNegative(below(ba, -1));
}

// Learns sum < 0: a fact about the whole sum, and for each of its variables the bound that the
// others' ranges leave it.
void Knowledge::AssumeNegative(Linear sum) {
  if (sum.IsConstant()) return;
  for (size_t i = 0; i < sum.terms.size(); ++i) {
    Linear others = sum;
    others.terms.erase(others.terms.begin() + i);
    const Interval rest = BoundsOf(others);  // c * atom < -rest
    if (rest.lo <= -Interval::kInfinity) continue;
    const int64_t c = sum.terms[i].coefficient;
    const int64_t limit = -rest.lo - 1;  // c * atom <= limit
    Tighten(sum.terms[i].atom,
            c > 0 ? Interval{.hi = DivFloor(limit, c)} : Interval{.lo = -DivFloor(limit, -c)});
  }
  if (sum.terms.size() == 1 && sum.terms[0].atom->kind == ExprKind::kVar) return;
  std::vector<Linear::Term> terms = sum.terms;
  const int64_t gcd = sum.Gcd();
  const int64_t divisor = Normalize(&terms, gcd);
  const int64_t limit = DivFloor(-sum.constant - 1, gcd);  // sum / gcd <= limit
  facts_.push_back(
      {std::move(terms), divisor > 0 ? Interval{.hi = limit} : Interval{.lo = -limit}});
}

void Knowledge::Tighten(const Expr& atom, const Interval& bounds) {
  if (atom->kind != ExprKind::kVar) return;
  const Interval range = BoundsOf(atom).Intersect(bounds);
  if (!range.empty()) SetRange(atom, range);
}

}  // namespace tilewright
