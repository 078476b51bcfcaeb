#include "compiler/templates/support/pixel_tiles.h"

#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"
#include "compiler/loop/simplify.h"

namespace tilewright {
namespace {

using Extents = std::array<int64_t, 3>;

TEST(PixelTiles, HaveEachPixelOnce) {
  Rng rng(7);
  for (int i = 0; i < 40; ++i) {
    const auto extent = [&](int64_t most) { return static_cast<int64_t>(1 + rng.Below(most)); };
    const Extents pixels = {extent(4), extent(12), extent(20)};
    for (const int64_t columns : {32, 192}) {
      const PixelTiles tiles(pixels, columns);
      std::set<std::vector<int64_t>> found;
      for (int64_t n = 0; n < tiles.count() * columns; ++n) {
        const Expr inside = tiles.Inside(Int(n));
        if (inside != nullptr && !Equal(Simplify(inside, {}), Bool(true))) continue;
        std::vector<int64_t> at;
        for (const Expr& index : tiles.At(Int(n))) at.push_back(*AsInt(Simplify(index, {})));
        for (size_t d = 0; d < at.size(); ++d) EXPECT_LT(at[d], pixels[d]) << "seed 7";
        EXPECT_TRUE(found.insert(at).second) << "seed 7";
      }
      EXPECT_EQ(static_cast<int64_t>(found.size()), pixels[0] * pixels[1] * pixels[2]) << "seed 7";
    }
  }
}

TEST(PixelTiles, AreTheFewestThatCoverAllInTheLongestRows) {
  EXPECT_EQ(PixelTiles({1, 56, 56}, 128).box(), (Extents{1, 2, 64}));
  EXPECT_EQ(PixelTiles({1, 7, 7}, 64).box(), (Extents{1, 8, 8}));
  EXPECT_EQ(PixelTiles({16, 7, 7}, 256).box(), (Extents{4, 8, 8}));
  EXPECT_EQ(PixelTiles({64, 1, 1}, 64).box(), (Extents{64, 1, 1}));
  EXPECT_EQ(PixelTiles({16, 7, 7}, 256).count(), 4);
}

}  // namespace
}  // namespace tilewright
