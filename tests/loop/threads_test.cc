#include "compiler/loop/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kHeader[] = "program p(in: float32[8], out: float32[8]):\n";

Program Parsed(const std::string& body) {
  absl::StatusOr<Program> program = ParseProgram(kHeader + body);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? *program : Program{};
}

// Runs `body` with in = 1..8.
absl::StatusOr<std::vector<float>> RunThreads(const std::string& body) {
  const TensorType type{.dtype = DType::kF32, .shape = {8}};
  std::vector<Tensor> args = {Tensor(type, std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}),
                              Tensor(type)};
  const Program program = Parsed(body);
  if (absl::Status status = Verify(program); !status.ok()) return status;
  if (absl::Status status = Interpret(program, args); !status.ok()) return status;
  const float* out = args[1].as<float>();
  return std::vector<float>(out, out + 8);
}

// Two blocks of four threads turn their four elements round.
constexpr char kReverse[] =
    "  block_x b in 0..2:\n"
    "    alloc tile: shared float32[4]\n"
    "    thread_x t in 0..4:\n"
    "      tile[t] = in[b * 4 + t]\n"
    "      barrier\n"
    "      out[b * 4 + t] = tile[3 - t]\n";

TEST(Threads, RunTogetherUpToEachBarrier) {
  const auto out = RunThreads(kReverse);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, ElementsAre(4, 3, 2, 1, 8, 7, 6, 5));
}

TEST(Threads, PrintAndParseRoundTrip) {
  const Program program = Parsed(kReverse);
  EXPECT_EQ(Print(program), kHeader + std::string(kReverse));
}

TEST(Threads, OfAProgramWithoutBarriersMayRunOneAfterAnother) {
  const Program program = Parsed(
      "  block_x b in 0..2:\n"
      "    thread_x t in 0..4:\n"
      "      out[b * 4 + t] = in[b * 4 + t]\n");
  EXPECT_EQ(Print(WithoutThreads(program)), kHeader + std::string("  parallel b in 0..2:\n"
                                                                  "    for t in 0..4:\n"
                                                                  "      out[b * 4 + t] = "
                                                                  "in[b * 4 + t]\n"));
}

TEST(Threads, SurviveSimplification) {
  Program program = Parsed(kReverse);
  program.body = Simplify(program.body);
  EXPECT_EQ(Print(program), kHeader + std::string(kReverse));
}

TEST(Threads, AMissingBarrierIsFound) {
  std::string body = kReverse;
  body.erase(body.find("      barrier\n"), sizeof("      barrier\n") - 1);
  const auto out = RunThreads(body);
  EXPECT_THAT(out.status().message(), HasSubstr("of tile between two barriers"));
}

TEST(Threads, TwoWritersOfOneElementAreFound) {
  const auto out = RunThreads(
      "  alloc tile: shared float32[4]\n"
      "  thread_x t in 0..4:\n"
      "    tile[t / 2] = in[t]\n"
      "    barrier\n"
      "    out[t] = tile[t / 2]\n");
  EXPECT_THAT(out.status().message(), HasSubstr("element 0 of tile"));
}

TEST(Threads, AWriteAfterReadWithoutBarrierInALoopIsFound) {
  const auto out = RunThreads(
      "  alloc tile: shared float32[4]\n"
      "  thread_x t in 0..4:\n"
      "    for i in 0..2:\n"
      "      tile[t] = in[i * 4 + t]\n"
      "      barrier\n"
      "      out[i * 4 + t] = tile[3 - t]\n");
  EXPECT_THAT(out.status().message(), HasSubstr("of tile between two barriers"));
}

TEST(Threads, HaveTheirOwnStackAndRegisters) {
  const auto out = RunThreads(
      "  thread_y u in 0..2:\n"
      "    thread_x t in 0..4:\n"
      "      alloc acc: register float32[1]\n"
      "      acc[0] = in[u * 4 + t]\n"
      "      barrier\n"
      "      out[u * 4 + t] = acc[0] + 1.0\n");
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, ElementsAre(2, 3, 4, 5, 6, 7, 8, 9));
}

TEST(Threads, BarriersInLoopsOfTheBlockAreReachedTogether) {
  const auto out = RunThreads(
      "  alloc tile: shared float32[4]\n"
      "  thread_x t in 0..4:\n"
      "    for i in 0..2:\n"
      "      barrier\n"
      "      tile[t] = in[i * 4 + t]\n"
      "      barrier\n"
      "      out[i * 4 + t] = tile[3 - t]\n");
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, ElementsAre(4, 3, 2, 1, 8, 7, 6, 5));
}

TEST(VerifyThreads, RefusesBarriersThatSomeThreadsMayMiss) {
  for (const char* body : {"  thread_x t in 0..8:\n"
                           "    if t < 3:\n"
                           "      barrier\n",
                           "  thread_x t in 0..8:\n"
                           "    for i in 0..+t:\n"
                           "      barrier\n",
                           "  thread_x t in 0..8:\n"
                           "    if in[0] < 1.0:\n"
                           "      barrier\n"}) {
    EXPECT_THAT(Verify(Parsed(body)).message(), HasSubstr("not all threads")) << body;
  }
  EXPECT_THAT(Verify(Parsed("  barrier\n")).message(), HasSubstr("without threads"));
}

TEST(VerifyThreads, RefusesOtherNests) {
  EXPECT_THAT(Verify(Parsed("  thread_x t in 0..4:\n"
                            "    block_x b in 0..2:\n"
                            "      out[t] = 0.0\n"))
                  .message(),
              HasSubstr("nest in this order"));
  EXPECT_THAT(Verify(Parsed("  thread_x t in 0..4:\n"
                            "    thread_x u in 0..2:\n"
                            "      out[t] = 0.0\n"))
                  .message(),
              HasSubstr("two loops are thread_x"));
  EXPECT_THAT(Verify(Parsed("  for i in 0..2:\n"
                            "    thread_x t in 0..4:\n"
                            "      out[t] = 0.0\n"))
                  .message(),
              HasSubstr("outermost nest"));
  EXPECT_THAT(Verify(Parsed("  thread_x t in 1..4:\n"
                            "    out[t] = 0.0\n"))
                  .message(),
              HasSubstr("from 0 to a constant"));
}

TEST(LaunchOf, CountsAxesAndSharedBytes) {
  const Launch launch = LaunchOf(Parsed(kReverse));
  EXPECT_THAT(launch.grid, ElementsAre(2, 1, 1));
  EXPECT_THAT(launch.block, ElementsAre(4, 1, 1));
  EXPECT_EQ(launch.shared_bytes, 16);
}

TEST(CheckLaunch, NamesTheLimit) {
  EXPECT_TRUE(CheckLaunch({.block = {32, 32, 1}, .shared_bytes = 49152}, {}).ok());
  EXPECT_THAT(CheckLaunch({.block = {32, 32, 2}}, {}).message(),
              HasSubstr("2048 threads a block; the device allows 1024"));
  EXPECT_THAT(CheckLaunch({.block = {1, 1, 65}}, {}).message(), HasSubstr("along z"));
  EXPECT_THAT(CheckLaunch({.shared_bytes = 49153}, {}).message(), HasSubstr("shared memory"));
}

}  // namespace
}  // namespace tilewright
