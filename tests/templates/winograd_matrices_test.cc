// Winograd's matrices of whole numbers.
#include "compiler/templates/support/winograd_matrices.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <tuple>

#include "base/rng.h"

namespace tilewright {
namespace {

using Vector = std::vector<double>;

Vector Times(const std::vector<Vector>& matrix, const Vector& x) {
  Vector y;
  for (const Vector& row : matrix) {
    y.push_back(0);
    for (size_t k = 0; k < x.size(); ++k) y.back() += row[k] * x[k];
  }
  return y;
}

double LargestSum(const std::vector<Vector>& matrix) {
  double largest = 0;
  for (const Vector& row : matrix) {
    double sum = 0;
    for (const double x : row) sum += std::fabs(x);
    largest = std::max(largest, sum);
  }
  return largest;
}

TEST(WholeWinogradMatrices, GiveTheDivisorTimesTheConvolution) {
  Rng rng(7);
  for (const int m : {2, 4}) {
    const WinogradMatrices w = MakeWholeWinogradMatrices(m);
    EXPECT_EQ(w.divisor, m == 2 ? 2 : 24);
    for (int trial = 0; trial < 20; ++trial) {
      Vector data, taps;
      for (int i = 0; i < w.alpha; ++i) data.push_back(static_cast<double>(rng.Below(256)));
      for (int i = 0; i < 3; ++i) taps.push_back(static_cast<double>(rng.Below(256)) - 128);
      Vector products = Times(w.bt, data);
      const Vector weights = Times(w.g, taps);
      for (int i = 0; i < w.alpha; ++i) products[i] *= weights[i];
      const Vector y = Times(w.at, products);
      for (int i = 0; i < m; ++i) {
        const double sum = data[i] * taps[0] + data[i + 1] * taps[1] + data[i + 2] * taps[2];
        EXPECT_EQ(y[i], static_cast<double>(w.divisor) * sum) << "m " << m << ", output " << i;
      }
    }
  }
}

TEST(WholeWinogradMatrices, KeepBytesWithinSixteenBits) {
  for (const int m : {2, 4}) {
    const WinogradMatrices w = MakeWholeWinogradMatrices(m);
    for (const auto* matrix : {&w.at, &w.g, &w.bt}) {
      for (const Vector& row : *matrix) {
        for (const double x : row) EXPECT_EQ(x, std::round(x));
      }
    }
    EXPECT_LE(255 * std::pow(LargestSum(w.bt), 2), 32767);
    EXPECT_LE(128 * std::pow(LargestSum(w.g), 2), 32767);
  }
}

}  // namespace
}  // namespace tilewright
