#include "compiler/templates/support/winograd_transforms.h"

#include <utility>

namespace tilewright {

void WeightedSum::Add(double factor, const Expr& value) {
  if (factor == 0) return;
  if (sum_ == nullptr) {
    sum_ = factor == 1 ? value : Const(factor, dtype_) * value;
  } else if (factor == -1) {
    sum_ = sum_ - value;
  } else {
    sum_ = sum_ + (factor == 1 ? value : Const(factor, dtype_) * value);
  }
}

std::vector<Expr> InputCombinations(const WinogradMatrices& w, const std::vector<Expr>& x) {
  // Every `step`-th element of the row from `first` on.
  const auto part = [&](const std::vector<double>& row, int first, int step) {
    WeightedSum sum(x[0]->dtype);
    for (int k = first; k < w.alpha; k += step) sum.Add(row[k], x[k]);
    return sum.Take();
  };
  std::vector<Expr> y = {part(w.bt[0], 0, 1)};
  for (int j = 1; j + 1 < w.alpha; j += 2) {
    const Expr even = part(w.bt[j], 0, 2), odd = part(w.bt[j], 1, 2);
    y.push_back(even + odd);
    y.push_back(even - odd);
  }
  y.push_back(part(w.bt[w.alpha - 1], 0, 1));
  return y;
}

std::vector<Expr> OutputCombinations(const WinogradMatrices& w, const std::vector<Expr>& x) {
  std::vector<Expr> y;
  for (int i = 0; i < w.m; ++i) {
    WeightedSum sum(x[0]->dtype);
    sum.Add(w.at[i][0], x[0]);
    for (int j = 1; j + 1 < w.alpha; j += 2) {
      sum.Add(w.at[i][j], i % 2 == 0 ? x[j] + x[j + 1] : x[j] - x[j + 1]);
    }
    sum.Add(w.at[i][w.alpha - 1], x[w.alpha - 1]);
    y.push_back(sum.Take());
  }
  return y;
}

Expr TransformedTap(const WinogradMatrices& w, int64_t xi, const std::vector<Expr>& taps) {
  WeightedSum sum(taps[0]->dtype);
  const std::vector<double>&row = w.g[xi / w.alpha], &column = w.g[xi % w.alpha];
  for (size_t tap = 0; tap < taps.size(); ++tap) sum.Add(row[tap / 3] * column[tap % 3], taps[tap]);
  return sum.Take();
}

Expr Within(const Expr& at, int64_t extent) { return And(Le(Int(0), at), Lt(at, Int(extent))); }

}  // namespace tilewright
