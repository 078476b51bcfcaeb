// A tile instruction that nothing but this file describes:
//
// movmatrix_trans_f16  to, from: a matrix of 8 rows of 8 elements in the registers of a warp is
//   transposed. Thread t holds two neighbours of row t / 4.
//
// Source: PTX ISA 9.0, 9.7.14 "Warp-Level Matrix Instructions", movmatrix.
#include "compiler/loop/tile.h"

namespace tilewright {
namespace {

MatrixPlace PlaceOf(const TileOperand&, int64_t thread, int64_t element) {
  return {thread / 4, thread % 4 * 2 + element};
}

void Transpose(std::span<TileMatrix> operands) {
  for (int64_t i = 0; i < 64; ++i) operands[0].At(i / 8, i % 8) = operands[1].At(i % 8, i / 8);
}

constexpr char kCuda[] =
    R"(TW_FN void tw_movmatrix_trans_f16(tw_f16* to, const tw_f16* from) {
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;"
               : "=r"(*(tw_u32*)to) : "r"(*(const tw_u32*)from));
}
)";

constexpr char kEmulator[] = R"(
static void tw_movmatrix_trans_f16_warp(const tw_tile* lanes, int) {
  tw_f16 rows[8][8];
  for (int t = 0; t < 32; ++t) {
    for (int i = 0; i < 2; ++i) {
      rows[t >> 2][(t & 3) * 2 + i] = tw_at<tw_f16>(lanes[t].operands[1], i);
    }
  }
  for (int t = 0; t < 32; ++t) {
    for (int i = 0; i < 2; ++i) {
      tw_at<tw_f16>(lanes[t].operands[0], i) = rows[(t & 3) * 2 + i][t >> 2];
    }
  }
}
TW_FN void tw_movmatrix_trans_f16(tw_place<tw_f16> to, tw_place<tw_f16> from,
                                  int line = __builtin_LINE()) {
  const tw_tile op = {"movmatrix_trans_f16", line, tw_movmatrix_trans_f16_warp,
                      {to.take(2, 1), from.take(2, 0)}};
  tw_m->tile(tw_m, &op);
}
)";

}  // namespace

std::vector<TileOp> movmatrix() {
  const auto fragment = [](const char* what) {
    return TileOperand{what, DType::kF16, Scope::kRegister, 2, 8, 8, PlaceOf};
  };
  return {{.name = "movmatrix_trans_f16",
           .type = DType::kF16,
           .operands = {fragment("a transposed matrix"), fragment("a matrix to transpose")},
           .compute = Transpose,
           .first_architecture = 75,
           .cuda = kCuda,
           .emulator = kEmulator}};
}

}  // namespace tilewright
