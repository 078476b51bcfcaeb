#include "compiler/loop/tile.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/core/dtype_suffix.h"

namespace tilewright {
namespace {

const TileOp& Named(const std::string& name) {
  const TileOp* op = FindTileOp(name);
  TW_CHECK(op != nullptr) << "no instruction " << name;
  return *op;
}

}  // namespace

const TileOp* FindTileOp(std::string_view name) {
  for (const TileOp& op : TileOps()) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

int64_t CountOf(TileThreads threads) {
  switch (threads) {
    case TileThreads::kWarp: return kWarpThreads;
    case TileThreads::kGroup: return kGroupThreads;
    case TileThreads::kOne: break;
  }
  return 1;
}

bool Has(int architecture, const TileOp& op) {
  return op.last_architecture ? op.first_architecture == architecture
                              : op.first_architecture <= architecture;
}

const TileOp* FindMultiply(DType type, int architecture) {
  const TileOp* best = nullptr;
  for (const TileOp& op : TileOps()) {
    if (op.depth == 0 || op.type != type || !Has(architecture, op)) continue;
    if (best == nullptr || op.depth > best->depth) best = &op;
  }
  return best;
}

const TileOp* FindGroupMultiply(DType type, int64_t columns, bool transposed, int architecture) {
  const TileOp* op =
      FindTileOp(absl::StrCat("wgmma_m64n", columns, transposed ? "_trans_" : "_", SuffixOf(type)));
  return op != nullptr && Has(architecture, *op) ? op : nullptr;
}

const TileOp& BoxLoadOf(DType type) { return Named("tma_load_" + SuffixOf(type)); }

const TileOp& MatrixLoadOf(DType type, int64_t matrices, bool transposed) {
  return Named(absl::StrCat("ldmatrix_x", matrices, transposed ? "_trans_" : "_", SuffixOf(type)));
}

}  // namespace tilewright
