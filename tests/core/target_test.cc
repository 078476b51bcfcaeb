#include "compiler/core/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using testing::HasSubstr;

TEST(Target, TextReadsBack) {
  for (const char* text : {"cpu", "cpu -mcpu=znver5", "cuda -arch=sm_90 -model=h200",
                           "cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72 -mattr=+dotprod"}) {
    const absl::StatusOr<Target> target = ParseTarget(text);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_EQ(ToString(*target), text);
    EXPECT_EQ(*ParseTarget(ToString(*target)), *target);
  }
}

TEST(Target, AcceptsTheSpellingsOfAutoTvm) {
  const absl::StatusOr<Target> target = ParseTarget(
      "llvm -keys=arm_cpu,cpu -device=arm_cpu -target=aarch64-linux-gnu "
      "-link-params=0 -model=rasp4b");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(ToString(*target), "cpu -mtriple=aarch64-linux-gnu -model=rasp4b");
}

TEST(Target, ErrorsListWhatIsKnown) {
  EXPECT_THAT(std::string(ParseTarget("vulkan").status().message()),
              HasSubstr("known: cpu (llvm), cuda, emu, opencl"));
  EXPECT_THAT(std::string(ParseTarget("cpu -march=x").status().message()), HasSubstr("-mcpu="));
  EXPECT_FALSE(ParseTarget("").ok());
}

TEST(Target, LanesFollowTheCpu) {
  const auto lanes = [](const char* text) { return VectorLanes(ParseTarget(text).value()); };
  EXPECT_EQ(lanes("cpu -mcpu=sapphirerapids"), 16);
  EXPECT_EQ(lanes("cpu -mcpu=skylake-avx512 -mattr=-avx512f"), 8);
  EXPECT_EQ(lanes("cpu -mcpu=haswell"), 8);
  EXPECT_EQ(lanes("cpu -mcpu=nehalem"), 4);
  EXPECT_EQ(lanes("cpu -mcpu=sandybridge"), 4);
  EXPECT_EQ(lanes("cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72"), 4);
}

TEST(Target, MattrNamesWholeFeaturesInOrder) {
  const auto lanes = [](const std::string& mattr) {
    return VectorLanes(ParseTarget("cpu -mcpu=znver4 -mattr=" + mattr).value());
  };
  EXPECT_EQ(lanes("-avx512fp16"), 16);
  EXPECT_EQ(lanes("-avx512fp16,-avx512f"), 8);
  EXPECT_EQ(lanes("-avx512f,+avx512f"), 16);
  EXPECT_EQ(lanes("+avx512f,-avx512f"), 8);
  EXPECT_EQ(lanes("-avx2"), 4);
  EXPECT_EQ(VectorLanes(ParseTarget("cpu -mcpu=haswell -mattr=+avx512vl").value()), 16);
  EXPECT_EQ(VectorLanes(ParseTarget("cpu -mcpu=x86-64 -mattr=+avx2,+fma").value()), 8);
}

TEST(Target, TheModelUnknownIsNoModel) {
  EXPECT_EQ(ParseTarget("llvm -keys=cpu -model=unknown").value(), Target());
}

TEST(Target, ErrorsQuoteLongTextsInPart) {
  const std::string text(100'000, 'x');
  EXPECT_LT(ParseTarget(text).status().message().size(), 400u);
  EXPECT_LT(ParseTarget("cpu -m" + text).status().message().size(), 400u);
}

TEST(Target, RegistersFollowTheArchitecture) {
  const auto registers = [](const char* text) {
    return TraitsOf(ParseTarget(text).value()).vector_registers;
  };
  EXPECT_EQ(registers("cpu -mcpu=znver4"), 32);
  EXPECT_EQ(registers("cpu -mcpu=haswell"), 16);
  EXPECT_EQ(registers("cpu -mtriple=aarch64-linux-gnu -mcpu=generic"), 32);
  EXPECT_EQ(registers("cpu -mtriple=arm64-apple-darwin"), 32);
  EXPECT_EQ(registers("cpu -mtriple=armv7-linux-gnueabihf"), 16);
  EXPECT_EQ(registers("cpu -mtriple=i686-linux-gnu"), 8);
}

}  // namespace
}  // namespace tilewright
