#include "tests/targets/microkernels.h"

#include "tests/targets/assembly.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

class ConvMicrokernels : public testing::TestWithParam<ConvTile> {
 protected:
  static ConvTile Sized(ConvTile tile, const Target& target) {
    tile.lanes = VectorLanes(target);
    tile.channels = tile.lanes * tile.oc_blocks * 2;
    tile.width = tile.ow_tile * 2;
    return tile;
  }
  // Accumulators, a weight for each row, and one data element in all lanes.
  static bool FitsRegisters(const ConvTile& tile, const Target& target) {
    const int64_t needed = tile.oc_blocks * tile.ow_tile + tile.oc_blocks + 1;
    return needed <= TraitsOf(target).vector_registers;
  }
};

TEST_P(ConvMicrokernels, ComputeWhatTheInterpreterDoes) {
  const Program program = ConvMicrokernel(Sized(GetParam(), HostTarget()));
  const auto so = CompileForHost({program});
  ASSERT_TRUE(so.ok()) << so.status();
  Rng rng(1);
  ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 1e-4);
}

// With 32 registers of 16 lanes and with 16 of 8; nothing runs, so any machine will do.
TEST_P(ConvMicrokernels, KeepTheirAccumulatorsInRegisters) {
  int checked = 0;
  for (const char* cpu : {"cpu -mcpu=skylake-avx512", "cpu -mcpu=haswell"}) {
    const Target target = ParseTarget(cpu).value();
    if (!FitsRegisters(GetParam(), target)) continue;
    const Program program = ConvMicrokernel(Sized(GetParam(), target));
    std::string assembly;
    ASSERT_TRUE(CompileForCpu(target, {program}, {.assembly = &assembly}).ok());
    const auto loops = MultiplyAddLoops(assembly);
    ASSERT_FALSE(loops.empty()) << assembly;
    for (const auto& loop : loops) EXPECT_EQ(SpillsIn(loop), "") << cpu;
    ++checked;
  }
  EXPECT_GE(checked, 1) << "a tile for no CPU";
}

INSTANTIATE_TEST_SUITE_P(Tiles, ConvMicrokernels,
                         testing::Values(ConvTile{2, 14, 3}, ConvTile{2, 14, 1}, ConvTile{1, 28, 3},
                                         ConvTile{4, 4, 3}, ConvTile{3, 8, 3}, ConvTile{2, 12, 5},
                                         ConvTile{1, 12, 3}, ConvTile{2, 6, 3}, ConvTile{4, 3, 1}),
                         [](const auto& info) {
                           const ConvTile& t = info.param;
                           return absl::StrCat(t.oc_blocks, "x", t.ow_tile, "k", t.kernel);
                         });

TEST(ConvMicrokernel, RunsAnyRangeOfItsParallelLoop) {
  ConvTile tile{.oc_blocks = 1, .ow_tile = 4, .kernel = 1, .height = 2, .width = 8};
  tile.channels = tile.lanes * 4;
  const Program program = ConvMicrokernel(tile);
  const auto so = CompileForHost({program});
  ASSERT_TRUE(so.ok()) << so.status();
  const auto kernel = HostKernel::Load(*so, program.name);
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  Rng rng(2);
  std::vector<Tensor> whole = RandomArguments(program, rng), parts = CopyOf(whole);
  kernel->Run(whole, 0, 4);
  kernel->Run(parts, 3, 4);
  kernel->Run(parts, 1, 1);
  kernel->Run(parts, 0, 3);
  ExpectClose(parts.back(), whole.back(), 0);
}

TEST(HostKernel, LoadedBesideAnotherOfItsNameIsItself) {
  ConvTile small{.oc_blocks = 1, .ow_tile = 2, .kernel = 1, .height = 1, .width = 2};
  small.channels = small.lanes;
  Program other = ConvMicrokernel(small);
  other.body = Store(other.params[2], {Int(0), Int(0), Int(0), Int(0)}, Float(7));
  const Program program = ConvMicrokernel(small);
  const auto first = HostKernel::Load(*CompileForHost({program}), program.name);
  const auto second = HostKernel::Load(*CompileForHost({other}), other.name);
  ASSERT_TRUE(first.ok() && second.ok());
  Rng rng(3);
  std::vector<Tensor> args = RandomArguments(other, rng);
  second->Run(args, 0, 1);
  EXPECT_EQ(args[2].AsDouble(0), 7);
}

}  // namespace
}  // namespace tilewright
