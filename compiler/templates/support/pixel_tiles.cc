#include "compiler/templates/support/pixel_tiles.h"

namespace tilewright {
namespace {

using Extents = std::array<int64_t, 3>;

int64_t Volume(const Extents& extents) { return extents[0] * extents[1] * extents[2]; }

Extents TilesAlong(const Extents& pixels, const Extents& box) {
  Extents tiles;
  for (size_t d = 0; d < tiles.size(); ++d) tiles[d] = (pixels[d] + box[d] - 1) / box[d];
  return tiles;
}

// Of a number in row-major order.
std::array<Expr, 3> DigitsOf(const Expr& number, const Extents& extents) {
  const Expr rest = FloorDiv(number, extents[2]);
  return {FloorDiv(rest, extents[1]), FloorMod(rest, extents[1]), FloorMod(number, extents[2])};
}

}  // namespace

PixelTiles::PixelTiles(const std::array<int64_t, 3>& pixels, int64_t columns)
    : pixels_(pixels), box_{1, 1, columns} {
  for (int64_t width = columns; width > 0; --width) {
    for (int64_t height = columns / width; height > 0; --height) {
      const Extents box = {columns / (width * height), height, width};
      if (Volume(box) != columns) continue;
      if (Volume(TilesAlong(pixels, box)) < count()) box_ = box;
    }
  }
}

int64_t PixelTiles::count() const { return Volume(TilesAlong(pixels_, box_)); }

std::vector<Expr> PixelTiles::At(const Expr& column) const {
  const int64_t columns = Volume(box_);
  const auto tile = DigitsOf(FloorDiv(column, columns), TilesAlong(pixels_, box_));
  const auto within = DigitsOf(FloorMod(column, columns), box_);
  std::vector<Expr> at;
  for (size_t d = 0; d < tile.size(); ++d) at.push_back(tile[d] * box_[d] + within[d]);
  return at;
}

Expr PixelTiles::Inside(const Expr& column) const {
  const std::vector<Expr> at = At(column);
  Expr inside;
  for (size_t d = 0; d < at.size(); ++d) {
    if (pixels_[d] % box_[d] != 0) inside = And(inside, Lt(at[d], Int(pixels_[d])));
  }
  return inside;
}

}  // namespace tilewright
