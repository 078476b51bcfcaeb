// What the last of several blocks does: text, rules, and what the interpreter makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kLastHeader[] =
    "program p(in: float32[8], written part: float32[2,4], written counters: int32[1], "
    "out: float32[4]):\n";

// Two blocks of four threads; the last one adds what both left.
constexpr char kAdd[] =
    "  block_x b in 0..2:\n"
    "    thread_x t in 0..4:\n"
    "      part[b, t] = in[b * 4 + t]\n"
    "      last_block counters[0] of 2:\n"
    "        out[t] = part[0, 3 - t] + part[1, t]\n";

absl::StatusOr<Program> Read(const std::string& body) {
  return ParseProgram(std::string(kLastHeader) + body);
}

absl::Status VerifyText(const std::string& text) {
  const absl::StatusOr<Program> program = ParseProgram(text);
  return program.ok() ? Verify(*program) : program.status();
}

std::vector<Tensor> Arguments() {
  return {
      Tensor({.dtype = DType::kF32, .shape = {8}}, std::vector<float>{1, 2, 3, 4, 10, 20, 30, 40}),
      Tensor({.dtype = DType::kF32, .shape = {2, 4}}), Tensor({.dtype = DType::kI32, .shape = {1}}),
      Tensor({.dtype = DType::kF32, .shape = {4}})};
}

std::vector<float> OutputOf(const std::vector<Tensor>& args) {
  const float* out = args.back().as<float>();
  return std::vector<float>(out, out + 4);
}

TEST(LastBlock, SeesWhatAllBlocksLeftAndLeavesItsCounterAtZeroForTheNextRun) {
  const absl::StatusOr<Program> program = Read(kAdd);
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(Verify(*program).ok()) << Verify(*program);
  std::vector<Tensor> args = Arguments();
  for (int run = 0; run < 2; ++run) {
    args.back() = Tensor(args.back().type());
    ASSERT_TRUE(Interpret(*program, args).ok());
    EXPECT_THAT(OutputOf(args), ElementsAre(14, 23, 32, 41));
    EXPECT_EQ(args[2].as<int32_t>()[0], 0);
  }
}

TEST(LastBlock, NeverComesWhereFewerBlocksDo) {
  std::string body = kAdd;
  body.replace(body.find("of 2"), 4, "of 3");
  std::vector<Tensor> args = Arguments();
  ASSERT_TRUE(Interpret(Read(body).value(), args).ok());
  EXPECT_THAT(OutputOf(args), Each(0));
  EXPECT_EQ(args[2].as<int32_t>()[0], 2);
}

// The barrier that it is makes shared memory safe to read.
TEST(LastBlock, IsABarrier) {
  const std::string body =
      "  block_x b in 0..2:\n"
      "    alloc tile: shared float32[4]\n"
      "    thread_x t in 0..4:\n"
      "      tile[t] = in[b * 4 + t]\n"
      "      last_block counters[0] of 2:\n"
      "        out[t] = tile[3 - t]\n";
  std::vector<Tensor> args = Arguments();
  const absl::Status status = Interpret(Read(body).value(), args);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(OutputOf(args), ElementsAre(40, 30, 20, 10));
}

TEST(LastBlock, PrintsParsesAndSimplifiesToItself) {
  Program program = Read(kAdd).value();
  EXPECT_EQ(Print(program), std::string(kLastHeader) + kAdd);
  program.body = Simplify(program.body);
  EXPECT_EQ(Print(program), std::string(kLastHeader) + kAdd);
  EXPECT_EQ(program.written, 3u);
  EXPECT_EQ(LaunchOf(program).shared_bytes, kLastBlockBytes);
}

TEST(LastBlock, WhatIsWrittenBeforeTheOutputFollowsTheInputs) {
  EXPECT_THAT(ParseProgram("program p(written a: int32[1], in: int32[1], out: int32[1]):\n  pass\n")
                  .status()
                  .message(),
              HasSubstr("one output is the last"));
}

struct WrongLastBlock {
  const char *find, *replace, *wrong;
};
constexpr WrongLastBlock kWrong[] = {
    {"written counters", "counters", "one output is the last"},
    {"counters: int32", "counters: float32", "blocks come to an int32"},
    {"counters[0] of", "part[0, 0] of", "blocks come to an int32"},
    {"counters[0] of 2", "counters[0] of 0", "needs a block"},
    {"counters[0] of", "counters[1] of", "outside 0..0"},
    {"counters[0] of", "counters[t / 8] of", "different counters"},
    {"      last_block", "      if b < 1:\n        last_block", "outside loops and conditions"},
    {"      last_block",
     "      last_block counters[0] of 2:\n        out[t] = 0.0\n      last_block",
     "must be alone"}};

class WrongLastBlocks : public testing::TestWithParam<WrongLastBlock> {};

TEST_P(WrongLastBlocks, AreRefusedWithTheReason) {
  std::string text = std::string(kLastHeader) + kAdd;
  const std::string find = GetParam().find;
  ASSERT_NE(text.find(find), text.npos);
  text.replace(text.find(find), find.size(), GetParam().replace);
  // What a condition holds lies deeper.
  for (size_t at = text.find("        out[t] = part");
       find == "      last_block" && at != text.npos; at = text.npos) {
    text.insert(at, "  ");
  }
  EXPECT_THAT(VerifyText(text).message(), HasSubstr(GetParam().wrong)) << text;
}

INSTANTIATE_TEST_SUITE_P(Of, WrongLastBlocks, testing::ValuesIn(kWrong));

}  // namespace
}  // namespace tilewright
