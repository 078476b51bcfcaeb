#include "compiler/templates/support/winograd_matrices.h"

#include <cmath>
#include <numeric>

#include "base/check.h"

namespace tilewright {
namespace {

// Coefficients of the product of (x - p) over the points but the one left out, ascending.
std::vector<double> ProductOfRoots(const std::vector<double>& points, size_t left_out) {
  std::vector<double> product = {1};
  for (size_t i = 0; i < points.size(); ++i) {
    if (i == left_out) continue;
    std::vector<double> next(product.size() + 1, 0);
    for (size_t k = 0; k < product.size(); ++k) {
      next[k + 1] += product[k];
      next[k] -= points[i] * product[k];
    }
    product = std::move(next);
  }
  return product;
}

}  // namespace

WinogradMatrices MakeWinogradMatrices(int m) {
  TW_CHECK(m == 2 || m == 4 || m == 6) << "no Winograd tile of " << m;
  constexpr int kTaps = 3;
  const std::vector<double> all = {0, 1, -1, 2, -2, 0.5, -0.5};
  WinogradMatrices w{.m = m, .alpha = m + kTaps - 1};
  w.points.assign(all.begin(), all.begin() + w.alpha - 1);
  w.at.assign(m, std::vector<double>(w.alpha, 0));
  w.g.assign(w.alpha, std::vector<double>(kTaps, 0));
  w.bt.assign(w.alpha, std::vector<double>(w.alpha, 0));
  for (size_t j = 0; j < w.points.size(); ++j) {
    double scale = 1;
    for (size_t l = 0; l < w.points.size(); ++l) scale *= l == j ? 1 : w.points[j] - w.points[l];
    for (int i = 0; i < m; ++i) w.at[i][j] = std::pow(w.points[j], i);
    for (int k = 0; k < kTaps; ++k) w.g[j][k] = std::pow(w.points[j], k) / scale;
    const std::vector<double> row = ProductOfRoots(w.points, j);
    for (size_t k = 0; k < row.size(); ++k) w.bt[j][k] = row[k];
  }
  w.at[m - 1][w.alpha - 1] = 1;
  w.g[w.alpha - 1][kTaps - 1] = 1;
  w.bt[w.alpha - 1] = ProductOfRoots(w.points, w.points.size());
  return w;
}

WinogradMatrices MakeWholeWinogradMatrices(int m) {
  TW_CHECK(m == 2 || m == 4) << "no Winograd tile of " << m << " in whole numbers";
  WinogradMatrices w = MakeWinogradMatrices(m);
  std::vector<int64_t> factors;  // 1 / g of the points' rows, which begin with the 0th power
  for (const std::vector<double>& row : w.g) {
    factors.push_back(row[0] == 0 ? 1 : std::llround(std::fabs(1 / row[0])));
    w.divisor = std::lcm(w.divisor, factors.back());
  }
  for (int j = 0; j < w.alpha; ++j) {
    const auto factor = static_cast<double>(factors[j]);
    for (double& g : w.g[j]) g = std::round(g * factor);
    for (std::vector<double>& row : w.at) row[j] *= static_cast<double>(w.divisor) / factor;
  }
  return w;
}

}  // namespace tilewright
