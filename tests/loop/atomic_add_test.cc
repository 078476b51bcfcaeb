// What blocks add to one output at once: text, rules, and what the interpreter makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two blocks of four threads, each of which adds two elements to one of four sums.
constexpr char kAtomicSums[] =
    "program p(in: float32[16], out: float32[4]):\n"
    "  block_x b in 0..2:\n"
    "    thread_x t in 0..4:\n"
    "      unroll i in 0..2:\n"
    "        atomic_add out[t], in[b * 8 + i * 4 + t]\n";

std::vector<float> SumsOn(const Program& program, std::vector<float> sums) {
  std::vector<float> in;
  for (int i = 0; i < 16; ++i) in.push_back(static_cast<float>(i));
  std::vector<Tensor> args = {Tensor({.dtype = DType::kF32, .shape = {16}}, in),
                              Tensor({.dtype = DType::kF32, .shape = {4}}, sums)};
  EXPECT_TRUE(Interpret(program, args).ok());
  return std::vector<float>(args[1].as<float>(), args[1].as<float>() + 4);
}

TEST(AtomicAdd, AddsToWhatTheOutputHolds) {
  const Program program = ParseProgram(kAtomicSums).value();
  ASSERT_TRUE(Verify(program).ok()) << Verify(program);
  EXPECT_THAT(SumsOn(program, {0, 0, 0, 0}), ElementsAre(24, 28, 32, 36));
  EXPECT_THAT(SumsOn(program, {1, 2, 3, 4}), ElementsAre(25, 30, 35, 40));
}

TEST(AtomicAdd, PrintsParsesAndSimplifiesToItself) {
  Program program = ParseProgram(kAtomicSums).value();
  EXPECT_EQ(Print(program), kAtomicSums);
  program.body = Simplify(program.body);
  EXPECT_EQ(Print(program), kAtomicSums);
}

TEST(AtomicAdd, StaysOneWhereItsLoopIsUnrolled) {
  const Program unrolled = UnrollLoops(ParseProgram(kAtomicSums).value());
  EXPECT_THAT(Print(unrolled), HasSubstr("atomic_add out[t], in[b * 8 + t + 4]"));
  EXPECT_THAT(SumsOn(unrolled, {0, 0, 0, 0}), ElementsAre(24, 28, 32, 36));
}

TEST(AtomicAdd, OfIntegersWrapsAround) {
  const Program program = ParseProgram(
                              "program p(in: int32[2], out: int32[1]):\n"
                              "  block_x b in 0..2:\n"
                              "    atomic_add out[0], in[b]\n")
                              .value();
  ASSERT_TRUE(Verify(program).ok()) << Verify(program);
  std::vector<Tensor> args = {
      Tensor({.dtype = DType::kI32, .shape = {2}}, std::vector<int32_t>{INT32_MAX, 2}),
      Tensor({.dtype = DType::kI32, .shape = {1}}, std::vector<int32_t>{-1})};
  ASSERT_TRUE(Interpret(program, args).ok());
  EXPECT_EQ(args[1].as<int32_t>()[0], INT32_MIN);
}

struct WrongAtomicAdd {
  const char *find, *replace, *wrong;
};
constexpr WrongAtomicAdd kWrongAtomics[] = {
    {"atomic_add out[t], in", "atomic_add in[t], in", "store to an input"},
    {"out: float32", "out: float64", "value of another type"},
    {"        atomic_add out", "        out[t] = 0.0\n        atomic_add out",
     "stored or read too"},
    {"in[b * 8", "out[t] + in[b * 8", "stored or read too"},
    {"out[t], in", "out[t + 4], in", "outside 0..3"},
    {"in[b * 8 + i * 4 + t]", "1", "value of another type"}};

class WrongAtomicAdds : public testing::TestWithParam<WrongAtomicAdd> {};

TEST_P(WrongAtomicAdds, AreRefusedWithTheReason) {
  std::string text = kAtomicSums;
  const std::string find = GetParam().find;
  ASSERT_NE(text.find(find), text.npos);
  text.replace(text.find(find), find.size(), GetParam().replace);
  const absl::StatusOr<Program> program = ParseProgram(text);
  const absl::Status status = program.ok() ? Verify(*program) : program.status();
  EXPECT_THAT(status.message(), HasSubstr(GetParam().wrong)) << text;
}

INSTANTIATE_TEST_SUITE_P(Of, WrongAtomicAdds, testing::ValuesIn(kWrongAtomics));

TEST(AtomicAdd, IsOfTheOutputAlone) {
  EXPECT_THAT(
      Verify(ParseProgram("program p(in: float32[2], written sums: float32[2], out: float32[2]):\n"
                          "  block_x b in 0..2:\n"
                          "    atomic_add sums[b], in[b]\n")
                 .value())
          .message(),
      HasSubstr("atomic sums are of an output of float32 or int32, sums is none"));
}

TEST(AtomicAdd, OfAnotherTypeIsRefused) {
  EXPECT_THAT(Verify(ParseProgram("program p(in: float64[2], out: float64[2]):\n"
                                  "  block_x b in 0..2:\n"
                                  "    atomic_add out[b], in[b]\n")
                         .value())
                  .message(),
              HasSubstr("atomic sums are of an output of float32 or int32, out is none"));
}

}  // namespace
}  // namespace tilewright
