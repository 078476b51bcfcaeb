// The matrices of Winograd's minimal filtering F(m, 3) (Winograd 1980; Lavin and Gray,
// arXiv:1509.09308): m outputs of a filter of three taps from m + 2 products,
//   y = AT ((G g) * (BT d)),
// made by the Toom-Cook construction over the points 0, a, -a, b, -b, ..., infinity. Points come
// in pairs so that rows share their even and odd parts.
#pragma once

#include <cstdint>
#include <vector>

namespace tilewright {

struct WinogradMatrices {
  int m = 0, alpha = 0;                 // outputs; products = m + 2
  std::vector<double> points;           // the alpha - 1 finite ones
  std::vector<std::vector<double>> at;  // m x alpha
  std::vector<std::vector<double>> g;   // alpha x 3
  std::vector<std::vector<double>> bt;  // alpha x alpha
  int64_t divisor = 1;                  // y is so many times as large
};

// REQUIRES: m is 2, 4 or 6. The points are 0, 1, -1; then 2, -2; then 1/2, -1/2.
WinogradMatrices MakeWinogradMatrices(int m);

// The same of whole numbers: the rows of g are multiplied by the denominators of their points, the
// columns of at by what is missing to the least common multiple of all, the divisor (2 or 24).
// REQUIRES: m is 2 or 4.
WinogradMatrices MakeWholeWinogradMatrices(int m);

}  // namespace tilewright
