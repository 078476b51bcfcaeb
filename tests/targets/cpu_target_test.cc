#include "gmock/gmock.h"
#include "tests/targets/compiled_kernel.h"
#include "tests/targets/microkernels.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

std::string MessageFor(const std::string& text) {
  const auto target = ParseTarget(text);
  if (!target.ok()) return std::string(target.status().message());
  const auto resolved = ResolveTarget(*target);
  return resolved.ok() ? "" : std::string(resolved.status().message());
}

TEST(CpuTarget, ResolvesToThisMachine) {
  const auto resolved = ResolveTarget(Target{});
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->mtriple, "");
  EXPECT_NE(resolved->mcpu, "");
  EXPECT_EQ(*ResolveTarget(*resolved), *resolved);
}

TEST(CpuTarget, TakesNativeForThisMachine) {
  EXPECT_EQ(*ResolveTarget(Target{.mcpu = "native"}), *ResolveTarget(Target{}));
}

TEST(CpuTarget, NamesCpusNearAnUnknownOne) {
  EXPECT_THAT(MessageFor("cpu -mcpu=znver99"), HasSubstr("unknown CPU \"znver99\""));
  EXPECT_THAT(MessageFor("cpu -mcpu=znver99"), HasSubstr("znver4"));
  EXPECT_THAT(MessageFor("cpu -mcpu=sapphire"), HasSubstr("sapphirerapids"));
}

TEST(CpuTarget, NamesFeaturesNearAnUnknownOne) {
  EXPECT_THAT(MessageFor("cpu -mattr=+avx51"), HasSubstr("unknown feature \"+avx51\""));
  EXPECT_THAT(MessageFor("cpu -mattr=+avx51"), HasSubstr("avx512"));
  EXPECT_THAT(MessageFor("cpu -mattr=avx2"), HasSubstr("write +name or -name"));
}

TEST(CpuTarget, RefusesTriplesWithoutElf) {
  EXPECT_THAT(MessageFor("cpu -mtriple=bogus-linux"), HasSubstr("unknown triple"));
  EXPECT_THAT(MessageFor("cpu -mtriple=x86_64-apple-darwin"), HasSubstr("does not use ELF"));
}

TEST(Targets, KnowTheKindsThatComeLater) {
  EXPECT_TRUE(FindTarget("cuda").ok());
  EXPECT_EQ(FindTarget("abacus").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(FindTarget("abacus").status().message()), HasSubstr("cpu"));
}

// ELF's e_machine (System V ABI): 62 = x86-64, 183 = AArch64.
int MachineOf(const std::string& elf) {
  return static_cast<unsigned char>(elf[18]) | static_cast<unsigned char>(elf[19]) << 8;
}

absl::StatusOr<std::string> CompileFor(const std::string& text, std::string* assembly) {
  TW_ASSIGN_OR_RETURN(const Target named, ParseTarget(text));
  TW_ASSIGN_OR_RETURN(const Target target, ResolveTarget(named));
  const ConvTile tile{.ow_tile = 4, .lanes = VectorLanes(target)};
  return (*FindTarget("cpu"))
      ->CompileLibrary(std::vector{ConvMicrokernel(tile)}, target, {.assembly = assembly});
}

TEST(CpuTarget, CrossCompilesForArm) {
  std::string assembly;
  const auto so = CompileFor("cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72", &assembly);
  ASSERT_TRUE(so.ok()) << so.status();
  EXPECT_EQ(so->substr(0, 4), "\177ELF");
  EXPECT_EQ(MachineOf(*so), 183);
  EXPECT_THAT(assembly, HasSubstr("fmla"));
}

TEST(CpuTarget, UsesTheRegistersOfTheNamedCpu) {
  std::string avx2, avx512;
  const auto so = CompileFor("cpu -mcpu=haswell", &avx2);
  ASSERT_TRUE(so.ok()) << so.status();
  EXPECT_EQ(MachineOf(*so), 62);
  ASSERT_TRUE(CompileFor("cpu -mcpu=sapphirerapids", &avx512).ok());
  EXPECT_THAT(avx2, HasSubstr("%ymm"));
  EXPECT_THAT(avx2, testing::Not(HasSubstr("%zmm")));
  EXPECT_THAT(avx512, HasSubstr("%zmm"));
}

TEST(CpuTarget, CompilesTheSameBytesEveryTime) {
  const Program program = ConvMicrokernel({.ow_tile = 4});
  EXPECT_EQ(*CompileForHost({program}), *CompileForHost({program}));
}

TEST(CpuTarget, FillsTheDumpsAskedFor) {
  std::string ir, assembly;
  ASSERT_TRUE(CompileForHost({ConvMicrokernel({})}, {.assembly = &assembly, .ir = &ir}).ok());
  EXPECT_THAT(ir, HasSubstr("define void @conv(ptr"));
  EXPECT_THAT(assembly, HasSubstr("conv:"));
}

// What stands for libm is made once for each machine.
TEST(CpuTarget, LibrariesForSeveralMachinesInTurnAreEachForTheirOwn) {
  constexpr char kHere[] = "cpu -mcpu=haswell";
  constexpr char kArm[] = "cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72";
  const auto here = CompileFor(kHere, nullptr), arm = CompileFor(kArm, nullptr);
  ASSERT_TRUE(here.ok()) << here.status();
  ASSERT_TRUE(arm.ok()) << arm.status();
  EXPECT_EQ(MachineOf(*here), 62);
  EXPECT_EQ(MachineOf(*arm), 183);
  for (const auto* so : {&*here, &*arm}) EXPECT_THAT(*so, HasSubstr("libm.so.6"));
  EXPECT_EQ(*CompileFor(kHere, nullptr), *here);
  EXPECT_EQ(*CompileFor(kArm, nullptr), *arm);
}

}  // namespace
}  // namespace tilewright
