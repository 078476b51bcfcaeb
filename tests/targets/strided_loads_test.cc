// Vectors of every second element: two loads and a shuffle, and nothing behind the last lane's.
#include "compiler/core/target.h"
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

TEST(StridedLoads, AreTwoVectorsAndNotOneInPieces) {
  std::string assembly;
  const Target target = ResolveTarget(*ParseTarget("cpu -mcpu=skylake-avx512")).value();
  const TargetBackend* backend = *FindTarget("cpu");
  const std::vector<Program> programs = {EverySecond(DType::kF32, 16)};
  ASSERT_TRUE(backend->CompileLibrary(programs, target, {.assembly = &assembly}).ok());
  EXPECT_EQ(assembly.find("xmm"), std::string::npos) << assembly;
}

}  // namespace
}  // namespace tilewright
