#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "compiler/loop/simplifier.h"

namespace tilewright {
namespace {

// The constant that x / divisor has for every x in `bounds`.
std::optional<int64_t> ConstantQuotient(const Interval& bounds, int64_t divisor) {
  if (!bounds.bounded()) return std::nullopt;
  const int64_t low = DivFloor(bounds.lo, divisor);
  return low == DivFloor(bounds.hi, divisor) ? std::optional<int64_t>(low) : std::nullopt;
}

// sum = g * high + low with every value of `low` in [0, g), for a g that divides the divisor.
struct Parts {
  int64_t g;
  Linear high, low;
};

std::optional<Parts> SplitAt(const Linear& sum, int64_t g, const Knowledge& knowledge) {
  Parts parts{.g = g};
  for (const Linear::Term& term : sum.terms) {
    const bool high = term.coefficient % g == 0;
    (high ? parts.high : parts.low)
        .terms.push_back({term.atom, high ? term.coefficient / g : term.coefficient});
  }
  parts.high.constant = DivFloor(sum.constant, g);
  parts.low.constant = ModFloor(sum.constant, g);
  const auto carry = ConstantQuotient(knowledge.BoundsOf(parts.low), g);
  if (!carry) return std::nullopt;
  parts.high.constant += *carry;
  parts.low.constant -= *carry * g;
  return parts;
}

// The split at the greatest possible g > 1 shared by the divisor and a coefficient.
std::optional<Parts> Split(const Linear& sum, int64_t divisor, const Knowledge& knowledge) {
  std::vector<int64_t> candidates;
  for (const Linear::Term& term : sum.terms) {
    const int64_t g = std::gcd(term.coefficient, divisor);
    if (g > 1) candidates.push_back(g);
  }
  std::sort(candidates.rbegin(), candidates.rend());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  for (int64_t g : candidates) {
    if (auto parts = SplitAt(sum, g, knowledge)) return parts;
  }
  return std::nullopt;
}

// (x / d + k) / divisor = (x + k * d) / (d * divisor).
std::optional<Linear> DivideQuotient(const Linear& sum, int64_t divisor,
                                     const Knowledge& knowledge) {
  if (sum.terms.size() != 1 || sum.terms[0].coefficient != 1) return std::nullopt;
  const Quotient inner = MatchQuotient(BinaryOp::kDiv, sum.terms[0].atom);
  const auto product = CheckedMul(inner.divisor, divisor);
  if (inner.divisor == 0 || !product) return std::nullopt;
  Linear dividend = LinearOf(inner.dividend);
  dividend.constant += sum.constant * inner.divisor;
  return Divide(std::move(dividend), *product, knowledge);
}

// Replaces coefficients by smaller ones of the same remainder, and k * (x % m) by k * x where the
// divisor divides k * m.
Linear ReduceCoefficients(const Linear& sum, int64_t divisor) {
  Linear reduced{.constant = ModFloor(sum.constant, divisor)};
  for (const Linear::Term& term : sum.terms) {
    const int64_t k = term.coefficient % divisor;
    const Quotient inner = MatchQuotient(BinaryOp::kMod, term.atom);
    if (inner.divisor != 0 && k != 0 && WrapMul(k, inner.divisor) % divisor == 0) {
      reduced.Add(ReduceCoefficients(LinearOf(inner.dividend), divisor), k);
    } else {
      reduced.Add(term.atom, k);
    }
  }
  reduced.constant = ModFloor(reduced.constant, divisor);
  return reduced;
}

}  // namespace

Linear Divide(Linear sum, int64_t divisor, const Knowledge& knowledge) {
  if (divisor == 1) return sum;
  Linear quotient{.constant = DivFloor(sum.constant, divisor)};
  Linear rest{.constant = ModFloor(sum.constant, divisor)};
  for (const Linear::Term& term : sum.terms) {
    const bool whole = term.coefficient % divisor == 0;
    (whole ? quotient : rest)
        .terms.push_back({term.atom, whole ? term.coefficient / divisor : term.coefficient});
  }
  if (const auto known = ConstantQuotient(knowledge.BoundsOf(rest), divisor)) {
    quotient.constant += *known;
  } else if (auto parts = Split(rest, divisor, knowledge)) {
    quotient.Add(Divide(std::move(parts->high), divisor / parts->g, knowledge), 1);
  } else if (auto nested = DivideQuotient(rest, divisor, knowledge)) {
    quotient.Add(*nested, 1);
  } else {
    quotient.AddExpr(FloorDiv(Build(std::move(rest)), divisor), 1);
  }
  return quotient;
}

Linear Modulo(Linear sum, int64_t divisor, const Knowledge& knowledge) {
  if (divisor == 1) return {};
  Linear rest = ReduceCoefficients(sum, divisor);
  if (const auto known = ConstantQuotient(knowledge.BoundsOf(rest), divisor)) {
    rest.constant -= *known * divisor;
    return rest;
  }
  if (auto parts = Split(rest, divisor, knowledge)) {
    Linear result = std::move(parts->low);
    result.Add(Modulo(std::move(parts->high), divisor / parts->g, knowledge), parts->g);
    return result;
  }
  return LinearOf(FloorMod(Build(std::move(rest)), divisor));
}

}  // namespace tilewright
