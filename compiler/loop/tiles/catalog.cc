#include <utility>

#include "compiler/loop/tile.h"

namespace tilewright {

#define ENTRY(name) std::vector<TileOp> name();
#include "tiles.inc"
#undef ENTRY

const std::vector<TileOp>& TileOps() {
  static const std::vector<TileOp> ops = [] {
    std::vector<TileOp> all;
    for (const auto entry : {
#define ENTRY(name) &name,
#include "tiles.inc"
#undef ENTRY
         }) {
      for (TileOp& op : entry()) all.push_back(std::move(op));
    }
    return all;
  }();
  return ops;
}

}  // namespace tilewright
