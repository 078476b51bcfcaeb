// Vectors of every second element: two loads and a shuffle, and nothing behind the last lane's.
#include "compiler/core/target.h"
#include "tests/targets/assembly.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

// out[i] = in[2 i], whose last element is the last one read.
Program EverySecond(DType dtype, int64_t lanes) {
  const Buffer in = MakeBuffer("in", dtype, {2 * lanes - 1});
  const Buffer out = MakeBuffer("out", dtype, {lanes});
  const Expr i = Var("i");
  return {.name = "every_second",
          .params = {in, out},
          .body = For(i, lanes, LoopKind::kVectorized, Store(out, {i}, Load(in, {i * 2})))};
}

TEST(StridedLoads, ReadEverySecondElementOfAnyNumber) {
  for (const DType dtype : {DType::kF32, DType::kI64, DType::kI16, DType::kU8}) {
    for (const int64_t lanes : {2, 3, 4, 7, 8, 12, 16}) {
      const Program program = EverySecond(dtype, lanes);
      const absl::StatusOr<std::string> so = CompileForHost({program});
      ASSERT_TRUE(so.ok()) << so.status();
      Rng rng(static_cast<uint64_t>(lanes));
      ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 0);
    }
  }
}

// out[i] = in[2 i - first] where that is an element of in, else 7: borders of a window of stride 2.
Program EverySecondInside(DType dtype, int64_t lanes, int64_t first, int64_t extent) {
  const Buffer in = MakeBuffer("in", dtype, {extent});
  const Buffer out = MakeBuffer("out", dtype, {lanes});
  const Expr i = Var("i"), at = i * 2 - first;
  const Expr value =
      Select(And(Le(Int(0), at), Lt(at, Int(extent))), Load(in, {at}), Const(7, dtype));
  return {.name = "every_second_inside",
          .params = {in, out},
          .body = For(i, lanes, LoopKind::kVectorized, Store(out, {i}, value))};
}

TEST(StridedLoads, ReadNothingOutsideWhereLanesAreOff) {
  for (const DType dtype : {DType::kF32, DType::kI64}) {
    for (const int64_t lanes : {3, 7, 8, 14, 16}) {
      for (const int64_t first : {1, 5}) {
        for (const int64_t extent : {lanes, 2 * lanes - 2}) {
          const Program program = EverySecondInside(dtype, lanes, first, extent);
          const absl::StatusOr<std::string> so = CompileForHost({program});
          ASSERT_TRUE(so.ok()) << so.status();
          Rng rng(static_cast<uint64_t>(lanes));
          ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 0);
        }
      }
    }
  }
}

TEST(StridedLoads, AreTwoVectorsAndNotOneInPieces) {
  const Target target = ResolveTarget(*ParseTarget("cpu -mcpu=skylake-avx512")).value();
  const TargetBackend* backend = *FindTarget("cpu");
  for (const Program& program :
       {EverySecond(DType::kF32, 16), EverySecondInside(DType::kF32, 16, 1, 31)}) {
    std::string assembly;
    ASSERT_TRUE(
        backend->CompileLibrary(std::vector{program}, target, {.assembly = &assembly}).ok());
    EXPECT_EQ(Count(assembly, "(%rdi), %zmm"), 2u) << assembly;
    EXPECT_EQ(Count(assembly, "(%rdi), %xmm") + Count(assembly, "(%rdi), %ymm"), 0u) << assembly;
  }
}

}  // namespace
}  // namespace tilewright
