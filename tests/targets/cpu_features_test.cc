// What packages ask of a CPU, from LLVM's list of the CPU they were compiled for.
#include "compiler/targets/support/cpu_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/targets/target_backend.h"
#include "runtime/cpu_features.h"

namespace tilewright {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::vector<std::string> FeaturesOf(const std::string& text) {
  const auto target = ParseTarget(text);
  EXPECT_TRUE(target.ok()) << target.status();
  const auto resolved = ResolveTarget(*target);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return CpuFeaturesOf(*resolved);
}

TEST(CpuFeaturesOf, FirstVersionOfAnArchitectureNeedsNothing) {
  EXPECT_THAT(FeaturesOf("cpu -mtriple=x86_64-linux-gnu -mcpu=x86-64"), IsEmpty());
}

TEST(CpuFeaturesOf, X86HasMoreThanItsVectors) {
  EXPECT_THAT(FeaturesOf("cpu -mtriple=x86_64-linux-gnu -mcpu=haswell"),
              AllOf(IsSupersetOf({"avx2", "fma", "f16c", "bmi1", "bmi2", "abm", "movbe", "popcnt"}),
                    Not(Contains("avx512f"))));
  EXPECT_THAT(FeaturesOf("cpu -mtriple=x86_64-linux-gnu -mcpu=znver4"),
              IsSupersetOf({"avx512f", "avx512vl", "avx512_vnni", "avx512_bf16", "gfni", "sse4a"}));
}

TEST(CpuFeaturesOf, WhatIsSwitchedOffIsNotAskedFor) {
  EXPECT_THAT(FeaturesOf("cpu -mtriple=x86_64-linux-gnu -mcpu=znver4 -mattr=-avx512f"),
              AllOf(Contains("avx2"), Not(Contains("avx512f")), Not(Contains("avx512_bf16"))));
}

TEST(CpuFeaturesOf, ArmAndRiscV) {
  EXPECT_THAT(FeaturesOf("cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72"),
              AllOf(IsSupersetOf({"fp", "asimd"}), Not(Contains("sve")), Not(Contains("asimddp"))));
  EXPECT_THAT(FeaturesOf("cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1"),
              IsSupersetOf({"asimdhp", "asimddp", "i8mm", "bf16", "sve"}));
  EXPECT_THAT(FeaturesOf("cpu -mtriple=riscv64-linux-gnu -mcpu=sifive-x280"),
              IsSupersetOf({"d", "f", "v"}));
}

TEST(CpuFeaturesOf, ThisMachineHasWhatCodeForItNeeds) {
  EXPECT_THAT(runtime::MissingFeatures(FeaturesOf("cpu"), runtime::CpuFeatures()), IsEmpty());
}

}  // namespace
}  // namespace tilewright
