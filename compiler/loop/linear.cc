#include "compiler/loop/linear.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "compiler/loop/integer_math.h"

namespace tilewright {
namespace {

int64_t Magnitude(int64_t value) { return value < 0 ? WrapSub(0, value) : value; }

template <typename T>
int CompareValues(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int CompareNodes(const ExprNode& a, const ExprNode& b) {
  if (int c = CompareValues(a.kind, b.kind)) return c;
  if (int c = CompareValues(a.dtype, b.dtype)) return c;
  if (int c = CompareValues(a.op, b.op)) return c;
  if (int c = CompareValues(a.ivalue, b.ivalue)) return c;
  if (int c = CompareValues(a.fvalue, b.fvalue)) return c;
  if (int c = a.name.compare(b.name)) return c;
  if (a.buffer != b.buffer) {
    const int c = a.buffer->name.compare(b.buffer->name);
    return c != 0 ? c : CompareValues(a.buffer.get(), b.buffer.get());
  }
  return CompareValues(a.operands.size(), b.operands.size());
}

bool Before(const Linear::Term& a, const Linear::Term& b) {
  if ((a.coefficient > 0) != (b.coefficient > 0)) return a.coefficient > 0;
  const int64_t size_a = Magnitude(a.coefficient), size_b = Magnitude(b.coefficient);
  return size_a != size_b ? size_a > size_b : CompareStructure(a.atom, b.atom) < 0;
}

// The atom that the terms a and b = (x % c) * k make together, divided by k; null when none:
// (x / c) * c * k -> x, and ((x / c) % m) * c * k -> x % (c * m).
Expr Joined(const Linear::Term& a, const Linear::Term& b, const Quotient& low) {
  if (a.coefficient != WrapMul(b.coefficient, low.divisor)) return nullptr;
  const Quotient whole = MatchQuotient(BinaryOp::kDiv, a.atom);
  if (whole.divisor == low.divisor && Equal(whole.dividend, low.dividend)) return low.dividend;
  const Quotient high = MatchQuotient(BinaryOp::kMod, a.atom);
  if (high.divisor == 0) return nullptr;
  const Quotient inner = MatchQuotient(BinaryOp::kDiv, high.dividend);
  if (inner.divisor != low.divisor || !Equal(inner.dividend, low.dividend)) return nullptr;
  const auto divisor = CheckedMul(low.divisor, high.divisor);
  return divisor ? FloorMod(low.dividend, *divisor) : nullptr;
}

}  // namespace

void Linear::Add(const Expr& atom, int64_t coefficient) {
  if (coefficient == 0) return;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (!Equal(terms[i].atom, atom)) continue;
    terms[i].coefficient = WrapAdd(terms[i].coefficient, coefficient);
    if (terms[i].coefficient == 0) terms.erase(terms.begin() + i);
    return;
  }
  terms.push_back({atom, coefficient});
}

void Linear::Add(const Linear& other, int64_t scale) {
  for (const Term& term : other.terms) Add(term.atom, WrapMul(term.coefficient, scale));
  constant = WrapAdd(constant, WrapMul(other.constant, scale));
}

void Linear::AddExpr(const Expr& e, int64_t scale) {
  if (const int64_t* value = AsInt(e)) {
    constant = WrapAdd(constant, WrapMul(*value, scale));
    return;
  }
  if (e->kind == ExprKind::kBinary && (e->op == BinaryOp::kAdd || e->op == BinaryOp::kSub)) {
    AddExpr(e->operands[0], scale);
    AddExpr(e->operands[1], e->op == BinaryOp::kAdd ? scale : WrapSub(0, scale));
    return;
  }
  if (e->kind == ExprKind::kBinary && e->op == BinaryOp::kMul) {
    if (const int64_t* factor = AsInt(e->operands[1])) {
      return AddExpr(e->operands[0], WrapMul(scale, *factor));
    }
  }
  Add(e, scale);
}

void Linear::Sort() { std::sort(terms.begin(), terms.end(), Before); }

int64_t Linear::Gcd() const {
  int64_t gcd = 0;
  for (const Term& term : terms) gcd = std::gcd(gcd, term.coefficient);
  return gcd;
}

void Linear::JoinDivMod() {
  for (size_t low = 0; low < terms.size(); ++low) {
    const Quotient mod = MatchQuotient(BinaryOp::kMod, terms[low].atom);
    if (mod.divisor == 0) continue;
    for (size_t high = 0; high < terms.size(); ++high) {
      const Expr joined = high == low ? nullptr : Joined(terms[high], terms[low], mod);
      if (joined == nullptr) continue;
      const int64_t scale = terms[low].coefficient;
      terms.erase(terms.begin() + std::max(low, high));
      terms.erase(terms.begin() + std::min(low, high));
      AddExpr(joined, scale);
      return JoinDivMod();
    }
  }
}

Linear LinearOf(const Expr& simplified) {
  Linear sum;
  sum.AddExpr(simplified, 1);
  return sum;
}

Expr Build(Linear sum) {
  sum.Sort();
  Expr e;
  for (const Linear::Term& term : sum.terms) {
    if (e == nullptr && term.coefficient < 0 && sum.constant > 0) {
      e = Int(std::exchange(sum.constant, 0));  // 5 - x rather than x * -1 + 5
    }
    if (e == nullptr) {
      e = term.atom * term.coefficient;
    } else if (term.coefficient < 0) {
      e = e - term.atom * WrapSub(0, term.coefficient);
    } else {
      e = e + term.atom * term.coefficient;
    }
  }
  if (e == nullptr) return Int(sum.constant);
  return sum.constant < 0 ? e - WrapSub(0, sum.constant) : e + sum.constant;
}

int CompareStructure(const Expr& a, const Expr& b) {
  if (a == b) return 0;
  if (int c = CompareNodes(*a, *b)) return c;
  if (a->kind == ExprKind::kVar) return CompareValues(a.get(), b.get());
  for (size_t i = 0; i < a->operands.size(); ++i) {
    if (int c = CompareStructure(a->operands[i], b->operands[i])) return c;
  }
  return 0;
}

Quotient MatchQuotient(BinaryOp op, const Expr& e) {
  if (e->kind != ExprKind::kBinary || e->op != op || e->dtype != DType::kI64) return {};
  const int64_t* divisor = AsInt(e->operands[1]);
  if (divisor == nullptr || *divisor <= 0) return {};
  return {e->operands[0], *divisor};
}

}  // namespace tilewright
