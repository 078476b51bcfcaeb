// tma_load_<type>  to, from: the load of a box (TileThreads::kOne, loop/tile.h).
//
// Source: PTX ISA 9.0, 9.7.9.27 "Tensor Copy".
#include "absl/strings/str_cat.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/loop/tile.h"

namespace tilewright {
namespace {

// A function for each number of dimensions, of which the last comes first.
std::string CudaText(const TileOp& op) {
  std::string text;
  std::string params, at, operands;
  for (int rank = 1; rank <= 5; ++rank) {
    absl::StrAppend(&params, ", int c", rank);
    absl::StrAppend(&at, rank == 1 ? "%" : ", %", 2 + rank);
    absl::StrAppend(&operands, ", \"r\"(c", rank, ")");
    if (rank == 1) continue;
    absl::StrAppend(&text, "TW_FN void tw_", op.name, "(tw_", SuffixOf(op.type),
                    "* to, const tw_map& map, tw_u64* full", params, ") {\n",
                    "  asm volatile(\"cp.async.bulk.tensor.", rank,
                    "d.shared::cluster.global.tile.mbarrier::complete_tx::bytes \"\n",
                    "               \"[%0], [%1, {", at, "}], [%2];\"\n               : : ",
                    "\"r\"(TW_SHARED_ADDRESS(to)), \"l\"((tw_u64)&map), ",
                    "\"r\"(TW_SHARED_ADDRESS(full))", operands, " : \"memory\");\n}\n");
  }
  return text;
}

std::string EmulatorText(const TileOp& op) {
  return absl::StrCat("template <class... C>\nTW_FN void tw_", op.name, "(tw_place<tw_",
                      SuffixOf(op.type), "> to, tw_map map, tw_place<tw_u64> full, C... first) {\n",
                      "  const int at[] = {first...};\n",
                      "  tw_m->load_box(tw_m, map.m, at, sizeof...(C), tw_address(to), ",
                      "tw_address(full));\n}\n");
}

TileOp OpOf(DType type) {
  const int64_t row = kRowBytes / static_cast<int64_t>(SizeOf(type));
  TileOp op{.name = "tma_load_" + SuffixOf(type),
            .type = type,
            .threads = TileThreads::kOne,
            .operands = {{"a slot", type, Scope::kShared, row},
                         {"a box's source", type, Scope::kGlobal, 1}},
            .first_architecture = 90};
  op.cuda = CudaText(op);
  op.emulator = EmulatorText(op);
  return op;
}

}  // namespace

std::vector<TileOp> tma_load() { return {OpOf(DType::kF16), OpOf(DType::kBF16), OpOf(DType::kI8)}; }

}  // namespace tilewright
