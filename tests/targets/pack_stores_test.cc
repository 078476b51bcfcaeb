// Stores of neighbouring bytes become one where that changes nothing.
#include <functional>

#include "absl/strings/str_cat.h"
#include "tests/targets/assembly.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

constexpr int64_t kStoredRows = 3, kStores = 9, kStoreLanes = 16;

// Requantised, as an integer layer's epilogue ends: `small` in a way whose size is known.
Expr Byte(const Expr& x, double factor, bool small) {
  const Expr real = small ? Min(Max(x, Float(-2)), Float(2)) : x;
  const Expr clipped = Min(Max(real * Float(factor), Float(0)), Float(255));
  return Cast(Call("round", {clipped}, DType::kF32), DType::kU8);
}

// Of each row, vector by vector: out[row, vector * step + lane] = value(row, vector, lane).
Program ByVectors(int64_t step, const Buffer& in, const Buffer& out,
                  const std::function<Expr(const Expr&, const Expr&, const Expr&)>& value) {
  const Expr row = Var("row"), vector = Var("vector"), lane = Var("lane");
  Program program{.name = "by_vectors"};
  program.params = {in, out};
  const Stmt store = Store(out, {row, vector * step + lane}, value(row, vector, lane));
  program.body = For(row, kStoredRows, LoopKind::kSerial,
                     For(vector, kStores, LoopKind::kUnrolled,
                         For(lane, kStoreLanes, LoopKind::kVectorized, store)));
  return program;
}

Program Requantizing(int64_t step, double factor, bool small) {
  const Buffer in = MakeBuffer("in", DType::kF32, {kStoredRows, kStores, kStoreLanes});
  const Buffer out = MakeBuffer("out", DType::kU8, {kStoredRows, kStores * kStoreLanes});
  return ByVectors(step, in, out, [&](const Expr& row, const Expr& vector, const Expr& lane) {
    return Byte(Load(in, {row, vector, lane}), factor, small);
  });
}

std::string PackedAssembly(const std::string& mcpu, const Program& program) {
  std::string assembly;
  const auto so =
      CompileForCpu(ResolveTarget({.mcpu = mcpu}).value(), {program}, {.assembly = &assembly});
  EXPECT_TRUE(so.ok()) << so.status();
  return assembly;
}

size_t Packs(const Program& program) {
  return Count(PackedAssembly("znver4", program), "vpackuswb");
}

void ExpectRight(const Program& program) {
  const auto so = CompileForHost({program});
  ASSERT_TRUE(so.ok()) << so.status();
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Rng rng(seed);
    ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 0);
  }
}

TEST(PackStores, JoinsFourNeighboursAndSaturatesAlike) {
  for (const bool small : {false, true}) {
    for (const double factor : {100., -100., 1e6, 3e38, 1e39}) {  // infinite, and NaN of zeros
      SCOPED_TRACE(absl::StrCat("factor ", factor, small ? ", small" : ""));
      const Program program = Requantizing(kStoreLanes, factor, small);
      EXPECT_EQ(Packs(program), kStores / 4);
      ExpectRight(program);
    }
  }
}

TEST(PackStores, LeavesCpusWithoutTheInstructions) {
  EXPECT_EQ(Count(PackedAssembly("haswell", Requantizing(kStoreLanes, 100, false)), "zmm"), 0);
}

TEST(PackStores, LeavesWhatOverlapsInItsOrder) {
  const Program program = Requantizing(kStoreLanes / 2, 100, false);
  EXPECT_EQ(Packs(program), 0);
  ExpectRight(program);
}

TEST(PackStores, LeavesWhatIsReadInBetween) {
  const Buffer in = MakeBuffer("in", DType::kF32, {kStoredRows, kStores, kStoreLanes});
  const Buffer out = MakeBuffer("out", DType::kU8, {kStoredRows, (kStores + 1) * kStoreLanes});
  const Program program =
      ByVectors(kStoreLanes, in, out, [&](const Expr& row, const Expr& vector, const Expr& lane) {
        const Expr last =
            Load(out, {row, (Int(kStores) - vector) * kStoreLanes - kStoreLanes / 2 + lane});
        return Byte(Load(in, {row, vector, lane}) + Cast(last, DType::kF32), 100, false);
      });
  EXPECT_EQ(Packs(program), 0);
  ExpectRight(program);
}

}  // namespace
}  // namespace tilewright
