// ldmatrix_x<n>[_trans]_<type>  to, row: n matrices of 8 rows of 16 bytes go from shared memory to
//   the registers of a warp. Thread 8 i + r names the start of row r of matrix i. Word i of thread
//   t, four bytes, becomes word t % 4 of row t / 4 of matrix i; of the transposed matrix (16-bit
//   types), where it is said.
//
// Source: PTX ISA 9.0, 9.7.14 "Warp-Level Matrix Instructions", ldmatrix.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/tiles/support/inline_ptx.h"

namespace tilewright {
namespace {

MatrixPlace PlaceOf(const TileOperand& to, int64_t thread, int64_t element) {
  const int64_t word = 4 / static_cast<int64_t>(SizeOf(to.dtype));
  return {element / word * 8 + thread / 4, thread % 4 * word + element % word};
}

// Of 16-bit types: a word holds two neighbours of a column.
MatrixPlace PlaceInTransposed(const TileOperand&, int64_t thread, int64_t element) {
  return {element / 2 * 8 + thread % 4 * 2 + element % 2, thread / 4};
}

void Copy(std::span<TileMatrix> operands) { operands[0] = operands[1]; }

std::string CudaText(const TileOp& op, int64_t matrices, bool transposed) {
  const std::string type = SuffixOf(op.type);
  return absl::StrCat("TW_FN void tw_", op.name, "(tw_", type, "* to, const tw_", type,
                      "* row) {\n", "  tw_u32* w = (tw_u32*)to;\n",
                      "  const tw_u32 at = (tw_u32)__cvta_generic_to_shared(row);\n",
                      "  asm volatile(\"ldmatrix.sync.aligned.m8n8.x", matrices,
                      transposed ? ".trans" : "", ".shared.b16 ", AsmRegisters(0, matrices), ", [%",
                      matrices, "];\"\n", "               : ", AsmOperands("=r", "w", matrices),
                      " : \"r\"(at) : \"memory\");\n}\n");
}

constexpr char kEmulated[] = R"(
static void tw_NAME_warp(const tw_tile* lanes, int) {
  for (int i = 0; i < MATRICES; ++i) {
    char rows[8][16];
    tw_m->touch_rows(tw_m, lanes, 8 * i, 8, 1, 0);
    for (int r = 0; r < 8; ++r) {
      __builtin_memcpy(rows[r], &tw_at<char>(lanes[8 * i + r].operands[1], 0), 16);
    }
    for (int t = 0; t < 32; ++t) {
      const int group = t >> 2, within = t & 3;
      char* word = &tw_at<char>(lanes[t].operands[0], 4 * i);
COPY
    }
  }
}
TW_FN void tw_NAME(tw_place<TYPE> to, tw_place<TYPE> row, int line = __builtin_LINE()) {
  const tw_tile op = {"NAME", line, tw_NAME_warp, {to.take(COUNT, 1), row.shared_row()}};
  tw_m->tile(tw_m, &op);
}
)";
constexpr char kCopy[] = "      __builtin_memcpy(word, &rows[group][within * 4], 4);";
constexpr char kCopyTransposed[] =
    "      __builtin_memcpy(word, &rows[within * 2][group * 2], 2);\n"
    "      __builtin_memcpy(word + 2, &rows[within * 2 + 1][group * 2], 2);";

TileOp OpOf(DType type, int64_t matrices, bool transposed) {
  const int64_t columns = 16 / static_cast<int64_t>(SizeOf(type)), count = matrices * columns / 4;
  TileOp op{
      .name = absl::StrCat("ldmatrix_x", matrices, transposed ? "_trans_" : "_", SuffixOf(type)),
      .type = type,
      .compute = Copy,
      .first_architecture = 75};
  op.operands = {{"what ldmatrix loads", type, Scope::kRegister, count, 8 * matrices, columns,
                  transposed ? PlaceInTransposed : PlaceOf},
                 {"a row of ldmatrix", type, Scope::kShared, columns, 8 * matrices, columns}};
  op.cuda = CudaText(op, matrices, transposed);
  op.emulator = absl::StrReplaceAll(kEmulated, {{"NAME", op.name},
                                                {"MATRICES", absl::StrCat(matrices)},
                                                {"COPY", transposed ? kCopyTransposed : kCopy},
                                                {"TYPE", "tw_" + SuffixOf(type)},
                                                {"COUNT", absl::StrCat(count)}});
  return op;
}

}  // namespace

std::vector<TileOp> ldmatrix() {
  std::vector<TileOp> ops;
  for (const DType type : {DType::kF16, DType::kBF16, DType::kF32, DType::kI8}) {
    for (const int64_t matrices : {1, 2, 4}) {
      ops.push_back(OpOf(type, matrices, false));
      if (SizeOf(type) == 2) ops.push_back(OpOf(type, matrices, true));
    }
  }
  return ops;
}

}  // namespace tilewright
