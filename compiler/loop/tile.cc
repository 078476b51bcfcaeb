#include "compiler/loop/tile.h"

#include <array>

#include "base/check.h"

namespace tilewright {
namespace {

constexpr TileOp kTileOps[] = {
    {.name = "mma_m16n8k8_f16", .type = DType::kF16, .depth = 8, .first_architecture = 75},
    {.name = "mma_m16n8k16_f16", .type = DType::kF16, .depth = 16, .first_architecture = 80},
    {.name = "mma_m16n8k16_bf16", .type = DType::kBF16, .depth = 16, .first_architecture = 80},
    {.name = "mma_m16n8k8_tf32", .type = DType::kF32, .depth = 8, .first_architecture = 80},
    {.name = "mma_m16n8k32_i8", .type = DType::kI8, .depth = 32, .first_architecture = 80},
#define LOADS(suffix, dtype)                                                                   \
  {.name = "ldmatrix_x1_" suffix, .type = dtype, .matrices = 1, .first_architecture = 75},     \
      {.name = "ldmatrix_x2_" suffix, .type = dtype, .matrices = 2, .first_architecture = 75}, \
      {.name = "ldmatrix_x4_" suffix, .type = dtype, .matrices = 4, .first_architecture = 75}
#define TRANSPOSED(n, suffix, dtype)         \
  {.name = "ldmatrix_x" #n "_trans_" suffix, \
   .type = dtype,                            \
   .matrices = n,                            \
   .transposed = true,                       \
   .first_architecture = 75}
    LOADS("f16", DType::kF16),
    LOADS("bf16", DType::kBF16),
    LOADS("f32", DType::kF32),
    LOADS("i8", DType::kI8),
    TRANSPOSED(1, "f16", DType::kF16),
    TRANSPOSED(2, "f16", DType::kF16),
    TRANSPOSED(4, "f16", DType::kF16),
    TRANSPOSED(1, "bf16", DType::kBF16),
    TRANSPOSED(2, "bf16", DType::kBF16),
    TRANSPOSED(4, "bf16", DType::kBF16),
#undef TRANSPOSED
#undef LOADS
#define GROUP(n, suffix, dtype)        \
  {.name = "wgmma_m64n" #n "_" suffix, \
   .type = dtype,                      \
   .first_architecture = 90,           \
   .columns = n,                       \
   .last_architecture = true}
#define GROUP_TRANSPOSED(n, suffix, dtype)   \
  {.name = "wgmma_m64n" #n "_trans_" suffix, \
   .type = dtype,                            \
   .transposed = true,                       \
   .first_architecture = 90,                 \
   .columns = n,                             \
   .last_architecture = true}
#define GROUPS_TRANSPOSED(suffix, dtype)                                     \
  GROUP_TRANSPOSED(64, suffix, dtype), GROUP_TRANSPOSED(128, suffix, dtype), \
      GROUP_TRANSPOSED(192, suffix, dtype), GROUP_TRANSPOSED(256, suffix, dtype)
#define GROUPS(suffix, dtype)                                                              \
  GROUP(32, suffix, dtype), GROUP(64, suffix, dtype), GROUP(128, suffix, dtype),           \
      GROUP(192, suffix, dtype), GROUP(256, suffix, dtype), {                              \
    .name = "tma_load_" suffix, .type = dtype, .first_architecture = 90, .loads_box = true \
  }
    GROUPS("f16", DType::kF16),
    GROUPS("bf16", DType::kBF16),
    GROUPS("i8", DType::kI8),
    GROUPS_TRANSPOSED("f16", DType::kF16),
    GROUPS_TRANSPOSED("bf16", DType::kBF16),
#undef GROUPS_TRANSPOSED
#undef GROUP_TRANSPOSED
#undef GROUPS
#undef GROUP
};

}  // namespace

std::span<const TileOp> TileOps() { return kTileOps; }

const TileOp* FindTileOp(std::string_view name) {
  for (const TileOp& op : kTileOps) {
    if (op.name == name) return &op;
  }
  return nullptr;
}

const TileOp* FindMultiply(DType type, int architecture) {
  const TileOp* best = nullptr;
  for (const TileOp& op : kTileOps) {
    if (op.depth == 0 || op.type != type || op.first_architecture > architecture) continue;
    if (best == nullptr || op.depth > best->depth) best = &op;
  }
  return best;
}

const TileOp* FindGroupMultiply(DType type, int64_t columns, bool transposed, int architecture) {
  for (const TileOp& op : kTileOps) {
    const bool there = op.last_architecture ? op.first_architecture == architecture
                                            : op.first_architecture <= architecture;
    const bool same = op.type == type && op.columns == columns && op.transposed == transposed;
    if (columns > 0 && same && there) return &op;
  }
  return nullptr;
}

const TileOp& BoxLoadOf(DType type) {
  for (const TileOp& op : kTileOps) {
    if (op.type == type && op.loads_box) return op;
  }
  TW_CHECK(false) << "no load of boxes of " << NameOf(type);
  return kTileOps[0];
}

const TileOp& MatrixLoadOf(DType type, int64_t matrices, bool transposed) {
  for (const TileOp& op : kTileOps) {
    if (op.type == type && op.matrices == matrices && op.transposed == transposed) return op;
  }
  TW_CHECK(false) << "no load of " << matrices << " matrices";
  return kTileOps[0];
}

std::vector<TileOperand> OperandsOf(const TileOp& op) {
  const int64_t row = kRowBytes / static_cast<int64_t>(SizeOf(op.type));
  if (op.columns > 0) {
    return {{"a warpgroup's sums", AccumulatorOf(op.type), Scope::kRegister, op.columns / 2},
            {"a warpgroup's left matrix", op.type, Scope::kShared, row},
            {"a warpgroup's right matrix", op.type, Scope::kShared, row}};
  }
  if (op.loads_box) {
    return {{"a slot", op.type, Scope::kShared, row},
            {"a box's source", op.type, Scope::kGlobal, 1}};
  }
  if (op.depth == 0) {
    const int64_t word = 4 / static_cast<int64_t>(SizeOf(op.type));
    return {{"what ldmatrix loads", op.type, Scope::kRegister, op.matrices * word},
            {"a row of ldmatrix", op.type, Scope::kShared, 4 * word}};
  }
  return {
      {"a tile's sums", AccumulatorOf(op.type), Scope::kRegister, 4},
      {"a tile's left matrix", op.type, Scope::kRegister, kTileRows * op.depth / kWarpThreads},
      {"a tile's right matrix", op.type, Scope::kRegister, kTileColumns * op.depth / kWarpThreads}};
}

// All layouts are one: a register holds a word of four bytes, neighbours in a row of a or d and in
// a column of b; four threads hold a row of 16 bytes, eight such groups the rows.
MatrixPlace FragmentOf(const TileOp& multiply, Fragment fragment, int64_t thread, int64_t element) {
  const int64_t group = thread % kWarpThreads / 4, within = thread % 4;
  if (fragment == Fragment::kSums) {  // a warpgroup's: 16 rows a warp, 8 columns after the other
    const int64_t row = thread / kWarpThreads * kTileRows + group + 8 * (element % 4 / 2);
    return {row, element / 4 * kTileColumns + within * 2 + element % 2};
  }
  const int64_t word = 4 / static_cast<int64_t>(SizeOf(multiply.type));
  const int64_t reg = element / word, first = within * word + element % word;
  if (fragment == Fragment::kLeft) return {group + 8 * (reg % 2), first + 4 * word * (reg / 2)};
  return {first + 4 * word * reg, group};
}

}  // namespace tilewright
