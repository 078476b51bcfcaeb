// Products of Winograd's matrices with vectors of expressions: what every implementation of the
// transforms is made of, for any scalar or lane.
#pragma once

#include <vector>

#include "compiler/loop/expr.h"
#include "compiler/loop/stmt.h"
#include "compiler/templates/support/winograd_matrices.h"

namespace tilewright {

// A sum of products with constants; multiplications by 1 and 0 cost nothing.
class WeightedSum {
 public:
  explicit WeightedSum(DType dtype) : dtype_(dtype) {}

  void Add(double factor, const Expr& value);
  Expr Take() const { return sum_ != nullptr ? sum_ : Const(0, dtype_); }

 private:
  DType dtype_;
  Expr sum_;
};

// BT x: alpha values of alpha. The rows of points a and -a are the sum and the difference of one
// even and one odd part.
std::vector<Expr> InputCombinations(const WinogradMatrices& w, const std::vector<Expr>& x);

// AT x: m values of alpha. Columns of points a and -a enter even rows by their sum, odd rows by
// their difference.
std::vector<Expr> OutputCombinations(const WinogradMatrices& w, const std::vector<Expr>& x);

// Element `xi` (row * alpha + column) of G g GT, where taps[3 * row + column] are g's; in the
// taps' type.
Expr TransformedTap(const WinogradMatrices& w, int64_t xi, const std::vector<Expr>& taps);

// 0 <= at < extent.
Expr Within(const Expr& at, int64_t extent);

}  // namespace tilewright
