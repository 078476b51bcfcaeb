// Sums of integer multiples of atoms (expressions that are not sums themselves) and a constant:
// the canonical form behind Simplify. A value; used only inside compiler/loop.
#pragma once

#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

struct Linear {
  struct Term {
    Expr atom;
    int64_t coefficient;
  };
  std::vector<Term> terms;  // distinct atoms, coefficients not 0
  int64_t constant = 0;

  void Add(const Expr& atom, int64_t coefficient);
  void Add(const Linear& other, int64_t scale);
  // Adds scale * e, taking sums and products with literals apart. `e` is simplified already.
  void AddExpr(const Expr& e, int64_t scale);

  bool IsConstant() const { return terms.empty(); }
  // Positive terms first, then by falling size of the coefficient, then by structure: the order
  // that equal sums share and that reads like an address (outer strides first).
  void Sort();
  // Greatest common divisor of the coefficients; 0 when constant.
  int64_t Gcd() const;
  // Joins (x / c) * c + x % c to x, wherever such pairs occur.
  void JoinDivMod();
};

Linear LinearOf(const Expr& simplified);

// The sum as an expression, in sorted order.
Expr Build(Linear sum);

// Total order by structure, equal to 0 exactly when Equal(a, b). Variables of one name are ordered
// by address, so the order is reproducible when names are distinct.
int CompareStructure(const Expr& a, const Expr& b);

// Matches a / c or a % c of kI64 with a literal c > 0: the dividend and c; {null, 0} otherwise.
struct Quotient {
  Expr dividend;
  int64_t divisor = 0;
};
Quotient MatchQuotient(BinaryOp op, const Expr& e);

}  // namespace tilewright
