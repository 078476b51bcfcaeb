// Asynchronous stores: as late as they may be, so that a wait that is missing shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

// Two groups under way; each element read by another thread than stored it.
constexpr char kTwoGroups[] =
    "program p(in: float32[3,4], out: float32[3,4]):\n"
    "  alloc ring: shared float32[2,4]\n"
    "  thread_x t in 0..4:\n"
    "    async ring[0, t] = in[0, t]\n"
    "    async_commit\n"
    "    for s in 0..3:\n"
    "      barrier\n"
    "      if s < 2:\n"
    "        async ring[(s + 1) % 2, t] = in[s + 1, t]\n"
    "      async_commit\n"
    "      async_wait 1\n"
    "      barrier\n"
    "      out[s, t] = ring[s % 2, 3 - t]\n";

absl::StatusOr<std::vector<float>> RunText(const std::string& text) {
  const absl::StatusOr<Program> program = ParseProgram(text);
  if (!program.ok()) return program.status();
  if (absl::Status status = Verify(*program); !status.ok()) return status;
  const TensorType type{.dtype = DType::kF32, .shape = {3, 4}};
  std::vector<float> values(12);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<Tensor> args = {Tensor(type, values), Tensor(type)};
  if (absl::Status status = Interpret(*program, args); !status.ok()) return status;
  const float* out = args[1].as<float>();
  return std::vector<float>(out, out + 12);
}

std::string Changed(const std::string& find, const std::string& replace) {
  std::string text = kTwoGroups;
  text.replace(text.rfind(find), find.size(), replace);
  return text;
}

TEST(AsyncStores, LandWhereTheirGroupIsWaitedFor) {
  const auto out = RunText(kTwoGroups);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_THAT(*out, testing::ElementsAre(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8));
}

TEST(AsyncStores, PrintParseAndSimplify) {
  Program program = ParseProgram(kTwoGroups).value();
  EXPECT_EQ(Print(program), kTwoGroups);
  program.body = Simplify(program.body);
  EXPECT_THAT(Print(program), HasSubstr("async ring[(s + 1) % 2, t] = in[s + 1, t]"));
  EXPECT_THAT(Print(program), HasSubstr("async_wait 1"));
}

TEST(AsyncStores, OfAWaitForTooFewAreUndefined) {
  const auto out = RunText(Changed("async_wait 1", "async_wait 2"));
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_TRUE(std::isnan((*out)[0]));
}

TEST(AsyncStores, WithoutABarrierAfterTheWaitAreFound) {
  EXPECT_THAT(RunText(Changed("      barrier\n      out", "      out")).status().message(),
              HasSubstr("between two barriers"));
}

// The next group is stored where the one before is still read.
TEST(AsyncStores, OverWhatIsReadAreFound) {
  EXPECT_THAT(
      RunText(Changed("for s in 0..3:\n      barrier\n", "for s in 0..3:\n")).status().message(),
      HasSubstr("between two barriers"));
}

TEST(AsyncStores, AreToSharedMemoryFromInputs) {
  EXPECT_THAT(RunText(Changed("async ring[0, t] = in[0, t]", "async ring[0, t] = out[0, t]"))
                  .status()
                  .message(),
              HasSubstr("of inputs alone"));
  EXPECT_THAT(RunText(Changed("out[s, t] = ring", "async out[s, t] = ring")).status().message(),
              HasSubstr("to shared memory"));
}

}  // namespace
}  // namespace tilewright
