// The columns of a matrix product as pixels of images, a tile of columns being a box of pixels:
// what one load of a tensor map brings of images, rows and columns. Columns of a tile follow each
// other; where a box reaches over an image's border they are no pixels. A value.
#pragma once

#include <array>
#include <vector>

#include "compiler/loop/expr.h"

namespace tilewright {

class PixelTiles {
 public:
  // Images, rows and columns; so many columns a tile. Boxes are those that make the fewest tiles,
  // of equal ones those of the longest rows. REQUIRES: all positive.
  PixelTiles(const std::array<int64_t, 3>& pixels, int64_t columns);

  int64_t count() const;  // tiles
  const std::array<int64_t, 3>& box() const { return box_; }
  // The pixel of a column: image, row and column.
  std::vector<Expr> At(const Expr& column) const;
  // Whether it is one; null: each is.
  Expr Inside(const Expr& column) const;

 private:
  std::array<int64_t, 3> pixels_, box_;
};

}  // namespace tilewright
