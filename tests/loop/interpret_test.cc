#include "compiler/loop/interpret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/loop/text.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Runs `body` with in = {1, 2, 3, 4} and returns out.
absl::StatusOr<std::vector<float>> RunBody(const std::string& body) {
  absl::StatusOr<Program> program =
      ParseProgram("program p(in: float32[4], out: float32[4]):\n" + body);
  if (!program.ok()) return program.status();
  const TensorType type{.dtype = DType::kF32, .shape = {4}};
  std::vector<Tensor> args = {Tensor(type, std::vector<float>{1, 2, 3, 4}), Tensor(type)};
  if (absl::Status status = Interpret(*program, args); !status.ok()) return status;
  const float* out = args[1].as<float>();
  return std::vector<float>(out, out + 4);
}

// The value of an expression of type float32.
float ValueOf(const std::string& expr) {
  const auto out = RunBody("  out[0] = " + expr + "\n");
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? (*out)[0] : 0;
}

TEST(Interpret, RunsLoopsInOrder) {
  const auto out = RunBody(
      "  for i in 0..4:\n"
      "    out[i] = in[i]\n"
      "  for i in 1..4:\n"
      "    out[i] = out[i] + out[i - 1]\n");
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, ElementsAre(1, 3, 6, 10));
}

TEST(Interpret, TakesOneBranch) {
  const auto out = RunBody(
      "  for i in 0..4:\n"
      "    if i % 2 == 0 || i == 3:\n"
      "      out[i] = 1.0\n"
      "    else:\n"
      "      out[i] = 2.0\n");
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, ElementsAre(1, 2, 1, 1));
}

TEST(Interpret, EvaluatesOnlyTheChosenSide) {
  EXPECT_EQ(ValueOf("select(in[0] < 2.0, 5.0, in[99])"), 5);
  EXPECT_EQ(ValueOf("select(2.0 < in[0] && in[99] < 1.0, 5.0, 6.0)"), 6);
}

TEST(Interpret, RoundsFloat32AfterEachOperation) {
  const float third = 1.0f / 3.0f;
  EXPECT_EQ(ValueOf("in[0] / in[2] * in[2] - in[0]"), third * 3.0f - 1.0f);
  EXPECT_EQ(ValueOf("16777216.0 + in[0] + in[0]"), 16777216.0f);
  EXPECT_EQ(ValueOf("fma(in[0], 0.1, in[1])"), std::fma(1.0f, 0.1f, 2.0f));
}

TEST(Interpret, DividesIntegersToTheFloor) {
  EXPECT_EQ(ValueOf("cast(cast(0.0 - in[2], int64) / 2, float32)"), -2);
  EXPECT_EQ(ValueOf("cast(cast(0.0 - in[2], int64) % 2, float32)"), 1);
  EXPECT_EQ(ValueOf("cast(cast(in[0], int32) / cast(in[0] - 1.0, int32), float32)"), 0);
}

TEST(Interpret, WrapsNarrowIntegers) {
  EXPECT_EQ(ValueOf("cast(cast(in[0], int8) + int8(127), float32)"), -128);
  EXPECT_EQ(ValueOf("cast(uint8(0) - cast(in[0], uint8), float32)"), 255);
  EXPECT_EQ(ValueOf("cast(shl(cast(in[0], uint8), uint8(9)), float32)"), 0);
}

TEST(Interpret, ComputesWithUnsignedIntegersInTheirWidth) {
  EXPECT_EQ(ValueOf("cast(uint16(0) - cast(in[0], uint16), float32)"), 65535);
  EXPECT_EQ(ValueOf("cast((uint32(0) - cast(in[0], uint32)) / uint32(2), float32)"), 2147483648.0f);
  EXPECT_EQ(ValueOf("cast((uint64(0) - cast(in[0], uint64)) / uint64(3) % uint64(10), float32)"),
            5);
  EXPECT_EQ(ValueOf("select(uint64(3) < uint64(18446744073709551615), 1.0, 0.0)"), 1);
  EXPECT_EQ(ValueOf("cast(shr(uint64(0) - cast(in[0], uint64), uint64(60)), float32)"), 15);
  EXPECT_EQ(ValueOf("cast(cast(in[0] * 1e10, uint32), float32)"), 4294967296.0f);
  EXPECT_EQ(ValueOf("cast(cast(in[0] * -5.0, uint64), float32)"), 0);
}

TEST(Interpret, RoundsEachResultOfA16BitFloat) {
  EXPECT_EQ(ValueOf("cast(cast(in[0], float16) / float16(3.0), float32)"), 0.333251953125f);
  EXPECT_EQ(ValueOf("cast(float16(2048.0) + cast(in[0], float16), float32)"), 2048);
  EXPECT_EQ(ValueOf("cast(float16(2050.0) + cast(in[0], float16), float32)"), 2052);
  EXPECT_EQ(ValueOf("cast(float16(256.0) * cast(in[1], float16) * float16(256.0), float32)"),
            std::numeric_limits<float>::infinity());
  EXPECT_EQ(ValueOf("cast(cast(in[0] * 0.1, bfloat16), float32)"), 0.10009765625f);
  EXPECT_EQ(ValueOf("cast(exp(cast(in[0], bfloat16)), float32)"), 2.71875f);
  EXPECT_EQ(ValueOf("cast(float16(2048.0), float32) + in[0]"), 2049);
}

TEST(Interpret, SaturatesCastsOfFloats) {
  EXPECT_EQ(ValueOf("cast(cast(in[0] * 1e10, int8), float32)"), 127);
  EXPECT_EQ(ValueOf("cast(cast(nan * in[0], int32), float32)"), 0);
  EXPECT_EQ(ValueOf("cast(cast(in[0] * -1.75, int32), float32)"), -1);
  EXPECT_EQ(ValueOf("cast(cast(in[0] * 0.25, bool), float32)"), 1);
}

TEST(Interpret, KeepsANanInTheFirstOperandOfMinAndMax) {
  EXPECT_TRUE(std::isnan(ValueOf("min(max(nan * in[0], 0.0), 6.0)")));
  EXPECT_EQ(ValueOf("max(in[0], nan * in[0])"), 1);
}

TEST(Interpret, ComputesTheFunctions) {
  EXPECT_EQ(ValueOf("exp(in[0])"), std::exp(1.0f));
  EXPECT_EQ(ValueOf("erf(in[0])"), std::erf(1.0f));
  EXPECT_EQ(ValueOf("round(in[0] + 1.5)"), 2);  // half to even
  EXPECT_EQ(ValueOf("pow(in[1], in[2])"), 8);
  EXPECT_EQ(ValueOf("sign(neg(in[1])) + abs(-2.5 * in[0])"), 1.5);
  EXPECT_EQ(ValueOf("select(isnan(in[0]) || isinf(inf * in[0]), 1.0, 0.0)"), 1);
  EXPECT_EQ(ValueOf("fmod(neg(in[2]), in[1])"), -1);
  EXPECT_EQ(ValueOf("cast(int32(12) & int32(10) ^ int32(1), float32)"), 9);
}

TEST(Interpret, NamesAnAccessOutsideItsBuffer) {
  const auto out = RunBody("  for i in 0..5:\n    out[i] = in[i]\n");
  EXPECT_EQ(out.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(out.status().message()),
              HasSubstr("index 4 is outside 0..4 of a dimension of in: float32[4]"));
  EXPECT_EQ(RunBody("  out[4] = 1.0\n").status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(RunBody("  out[-1] = 1.0\n").status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Interpret, RefusesArgumentsOfAnotherType) {
  const Program program = ParseProgram("program p(out: float32[4]):\n  out[0] = 1.0\n").value();
  std::vector<Tensor> args = {Tensor({.dtype = DType::kF32, .shape = {5}})};
  const absl::Status status = Interpret(program, args);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("out is float32[4], found float32[5]"));
  args.clear();
  EXPECT_EQ(Interpret(program, args).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tilewright
