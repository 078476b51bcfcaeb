// Tiles that are written by rows and read by columns stay in registers.
#include "compiler/core/target.h"
#include "tests/targets/assembly.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

// out[c][r] = in[r][c] of a tile, `columns` of each row and `rows` of each column.
Program TransposeTile(DType dtype, int64_t side, int64_t rows, int64_t columns) {
  const Buffer in = MakeBuffer("in", dtype, {rows, columns});
  const Buffer out = MakeBuffer("out", dtype, {columns, rows});
  const Buffer tile = MakeBuffer("tile", dtype, {side, side}, Scope::kRegister);
  const Expr r = Var("r"), c = Var("c");
  const Stmt load =
      For(r, rows, LoopKind::kUnrolled,
          For(c, columns, LoopKind::kVectorized, Store(tile, {r, c}, Load(in, {r, c}))));
  const Stmt store =
      For(c, columns, LoopKind::kUnrolled,
          For(r, rows, LoopKind::kVectorized, Store(out, {c, r}, Load(tile, {r, c}))));
  return {.name = "transpose_tile", .params = {in, out}, .body = Alloc(tile, Seq({load, store}))};
}

void ExpectTransposed(DType dtype, int64_t side, int64_t rows, int64_t columns) {
  const Program program = TransposeTile(dtype, side, rows, columns);
  const absl::StatusOr<std::string> so = CompileForHost({program});
  ASSERT_TRUE(so.ok()) << so.status();
  Rng rng(side * 100 + rows);
  ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 0);
}

TEST(RegisterTile, TransposesEveryTypeAndSide) {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kI64, DType::kI32, DType::kI16,
                            DType::kI8, DType::kU8, DType::kBool}) {
    for (const int64_t side : {2, 4, 8, 16, 32}) ExpectTransposed(dtype, side, side, side);
  }
}

TEST(RegisterTile, TransposesPartOfATile) {
  for (const int64_t rows : {1, 3, 6, 8}) {
    for (const int64_t columns : {1, 2, 5, 7}) {
      ExpectTransposed(DType::kF32, 8, rows, columns);
      ExpectTransposed(DType::kI8, 8, rows, columns);
    }
  }
}

std::string AssemblyFor(const char* cpu, int64_t side) {
  std::string assembly;
  const Target target = ResolveTarget(*ParseTarget(cpu)).value();
  const TargetBackend* backend = *FindTarget("cpu");
  const std::vector<Program> programs = {TransposeTile(DType::kF32, side, side, side)};
  EXPECT_TRUE(backend->CompileLibrary(programs, target, {.assembly = &assembly}).ok());
  return assembly;
}

// Shared shuffles of two vectors, and no element alone.
TEST(RegisterTile, TransposesByWholeVectors) {
  const std::string avx2 = AssemblyFor("cpu -mcpu=haswell", 8);
  EXPECT_EQ(Count(avx2, "vunpck") + Count(avx2, "vperm2f128") + Count(avx2, "vinsertf128"), 24u)
      << avx2;
  EXPECT_EQ(Count(avx2, "movss") + Count(avx2, "insertps"), 0u) << avx2;
  const std::string avx512 = AssemblyFor("cpu -mcpu=skylake-avx512", 16);
  EXPECT_LE(Count(avx512, "vunpck") + Count(avx512, "vshuf"), 64u) << avx512;
  EXPECT_EQ(Count(avx512, "movss") + Count(avx512, "insertps"), 0u) << avx512;
  const std::string neon = AssemblyFor("cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72", 4);
  EXPECT_EQ(Count(neon, "ldr\ts") + Count(neon, ".s["), 0u) << neon;
}

}  // namespace
}  // namespace tilewright
