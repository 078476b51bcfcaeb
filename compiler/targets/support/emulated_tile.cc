#include "compiler/targets/support/emulated_tile.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/targets/support/c_expr.h"
#include "runtime/device/emulator/kernel_interface.h"

namespace tilewright {
namespace {

int TileTypeOf(DType type) {
  switch (type) {
    case DType::kF16: return runtime::kTileF16;
    case DType::kBF16: return runtime::kTileBF16;
    case DType::kF32: return runtime::kTileTf32;
    default: return runtime::kTileI8;
  }
}

}  // namespace

std::string EmulatedTileText(const TileOp& op) {
  const std::vector<TileOperand> operands = OperandsOf(op);
  const bool multiplies = op.depth > 0;
  std::vector<std::string> names = {"to", "row"};
  if (multiplies) names = {"to", "left", "right"};
  std::string text = absl::StrCat("TW_FN void tw_", Sv(op.name), "(");
  for (size_t i = 0; i < operands.size(); ++i) {
    absl::StrAppend(&text, "tw_place<tw_", CSuffix(operands[i].dtype), "> ", names[i], ", ");
  }
  absl::StrAppend(&text, "int line = __builtin_LINE()) {\n  const tw_tile op = {\"", Sv(op.name),
                  "\", line, ", TileTypeOf(op.type), ", ", op.depth, ", ", op.matrices, ", ",
                  op.transposed ? 1 : 0, "};\n");
  if (multiplies) {
    absl::StrAppend(&text, "  tw_multiply(op, to, left, right, ", operands[1].elements, ", ",
                    operands[2].elements, ");\n}\n");
  } else {
    absl::StrAppend(&text, "  tw_load_matrices(op, to, ", operands[0].elements, ", row);\n}\n");
  }
  return text;
}

std::string EmulatedGroupText(const TileOp& op, std::string_view name) {
  return absl::StrCat("TW_FN void ", Sv(name), "(tw_place<tw_", CSuffix(AccumulatorOf(op.type)),
                      "> d, tw_u64 left, tw_u64 right, int line = __builtin_LINE()) {\n",
                      "  tw_tile op = {\"wgmma.mma_async\", line, ", TileTypeOf(op.type), "};\n",
                      "  op.group = 1;\n  op.columns = ", op.columns,
                      ";\n  op.transposed = ", op.transposed ? 1 : 0,
                      ";\n  op.sums = d.m;\n  op.sum = d.at;\n  op.descriptors[0] = left;\n",
                      "  op.descriptors[1] = right;\n  tw_m->tile(tw_m, &op);\n}\n");
}

std::string EmulatedBoxText(const TileOp& op) {
  return absl::StrCat("template <class... C>\nTW_FN void tw_", Sv(op.name), "(tw_place<tw_",
                      CSuffix(op.type), "> to, tw_map map, tw_place<tw_u64> full, C... first) {\n",
                      "  const int at[] = {first...};\n",
                      "  tw_m->load_box(tw_m, map.m, at, sizeof...(C), tw_address(to), ",
                      "tw_address(full));\n}\n");
}

}  // namespace tilewright
