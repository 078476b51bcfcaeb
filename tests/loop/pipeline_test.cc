// Pipelines of slots: text, the interpreter's threads, what is found wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

// out = a * b^T of 64 rows and 32 columns over a depth of 130, rounded up to whole stages of 64.
constexpr char kPipelined[] =
    "program product(a: float16[60,136], b: float16[30,136], out: float32[64,32]):\n"
    "  alloc left: shared float16[2,64,64]\n"
    "  alloc right: shared float16[2,32,64]\n"
    "  thread_x t in 0..160:\n"
    "    alloc sums: register float32[16]\n"
    "    for i in 0..16:\n"
    "      sums[i] = 0.0\n"
    "    pipeline stage in 0..3 slots 2:\n"
    "      tma_load_f16 left[stage % 2, 0, 0], a[0, stage * 64]\n"
    "      tma_load_f16 right[stage % 2, 0, 0], b[0, stage * 64]\n"
    "    use:\n"
    "      wgmma_m64n32_f16 sums[0], left[stage % 2, 0, 0], right[stage % 2, 0, 0]\n"
    "    if t < 128:\n"
    "      for i in 0..16:\n"
    "        out[t / 32 * 16 + i % 4 / 2 * 8 + t % 32 / 4, i / 4 * 8 + t % 4 * 2 + i % 2] = "
    "sums[i]\n";

std::string Altered(const std::string& find, const std::string& replace) {
  std::string text = kPipelined;
  const size_t at = text.find(find);
  EXPECT_NE(at, text.npos) << find;
  return text.replace(at, find.size(), replace);
}

std::vector<Tensor> SlotArguments(const Program& program) {
  Rng rng(5);
  std::vector<Tensor> args;
  for (const Buffer& param : program.params) {
    args.emplace_back(TensorType{.dtype = param->dtype, .shape = param->shape});
    for (int64_t i = 0; i < args.back().size(); ++i) {
      args.back().Set(i, static_cast<double>(rng.Below(9)) - 4);
    }
  }
  return args;
}

// Elements of out that are not the product's; outside the inputs it is zero.
int WrongProducts(const std::vector<Tensor>& args) {
  int wrong = 0;
  for (int64_t m = 0; m < 64; ++m) {
    for (int64_t n = 0; n < 32; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < 136 && m < 60 && n < 30; ++k) {
        sum += args[0].AsDouble(m * 136 + k) * args[1].AsDouble(n * 136 + k);
      }
      wrong += args[2].AsDouble(m * 32 + n) != sum ? 1 : 0;
    }
  }
  return wrong;
}

TEST(Pipelines, PrintAndParseRoundTrip) {
  const absl::StatusOr<Program> program = ParseProgram(kPipelined);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(Print(*program), kPipelined);
}

TEST(Pipelines, MultiplyWhatTheyLoadWithZerosOutside) {
  Program program = ParseProgram(kPipelined).value();
  for (int simplified = 0; simplified < 2; ++simplified) {
    ASSERT_TRUE(Verify(program).ok()) << Verify(program);
    std::vector<Tensor> args = SlotArguments(program);
    const absl::Status status = Interpret(program, args);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(WrongProducts(args), 0);
    program.body = Simplify(program.body);
  }
}

TEST(Pipelines, NeedMemoryForTheirBarriers) {
  const Launch launch = LaunchOf(ParseProgram(kPipelined).value());
  EXPECT_EQ(launch.shared_bytes, 2 * (64 + 32) * 128 + 2 * 16);
}

// Slots are filled as early as they are free.
TEST(Pipelines, ThatFillTheSlotInUseComputeSomethingElse) {
  std::string text = kPipelined;
  for (const char* slots : {"left[stage % 2, 0, 0], a", "right[stage % 2, 0, 0], b"}) {
    const std::string other = absl::StrReplaceAll(slots, {{"stage % 2", "0"}});
    text = absl::StrReplaceAll(text, {{slots, other}});
  }
  text = absl::StrReplaceAll(text, {{"stage % 2, 0, 0], right[stage % 2", "0, 0, 0], right[0"}});
  const Program program = ParseProgram(text).value();
  ASSERT_TRUE(Verify(program).ok()) << Verify(program);
  std::vector<Tensor> args = SlotArguments(program);
  ASSERT_TRUE(Interpret(program, args).ok());
  EXPECT_GT(WrongProducts(args), 0);
}

TEST(Pipelines, ThatUseAnotherSlotComputeSomethingElse) {
  const Program program =
      ParseProgram(Altered("left[stage % 2, 0, 0], right", "left[(stage + 1) % 2, 0, 0], right"))
          .value();
  std::vector<Tensor> args = SlotArguments(program);
  ASSERT_TRUE(Interpret(program, args).ok());
  EXPECT_GT(WrongProducts(args), 0);
}

std::string RefusedPipeline(const std::string& find, const std::string& replace) {
  const absl::StatusOr<Program> program = ParseProgram(Altered(find, replace));
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? std::string(Verify(*program).message()) : "";
}

TEST(VerifyPipelines, RefusesOtherThreads) {
  EXPECT_THAT(RefusedPipeline("0..160", "0..128"),
              HasSubstr("warpgroups of 128 threads and a warp"));
  EXPECT_THAT(RefusedPipeline("0..160", "0..192"), HasSubstr("found 192"));
  EXPECT_THAT(RefusedPipeline("    pipeline", "    if t < 128:\n      barrier\n    pipeline"),
              HasSubstr("not all threads"));
}

TEST(VerifyPipelines, RefusesWhatIsInTheWrongPart) {
  EXPECT_THAT(RefusedPipeline("    use:\n", "      left[0, 0, 0] = float16(0.0)\n    use:\n"),
              HasSubstr("loads of boxes alone"));
  EXPECT_THAT(RefusedPipeline("    use:\n", "    use:\n      barrier\n"),
              HasSubstr("a barrier in"));
  EXPECT_THAT(RefusedPipeline("    use:\n", "    use:\n      sums[0] = 0.0\n"),
              HasSubstr("multiplies alone"));
  EXPECT_THAT(
      RefusedPipeline("    use:\n", "    use:\n      tma_load_f16 left[0, 0, 0], a[0, 0]\n"),
      HasSubstr("outside a pipeline's fill"));
  EXPECT_THAT(
      RefusedPipeline("    pipeline",
                      "    wgmma_m64n32_f16 sums[0], left[0, 0, 0], right[0, 0, 0]\n    pipeline"),
      HasSubstr("outside a pipeline's use"));
}

TEST(VerifyPipelines, RefusesBoxesThatNoMapDescribes) {
  EXPECT_THAT(RefusedPipeline("a: float16[60,136]", "a: float16[60,130]"),
              HasSubstr("multiple of 16 bytes, have 260"));
  EXPECT_THAT(RefusedPipeline("left: shared float16[2,64,64]", "left: shared float16[2,64,32]"),
              HasSubstr("outside"));
  EXPECT_THAT(RefusedPipeline("left: shared float16[2,64,64]", "left: shared float16[2,64,128]"),
              HasSubstr("must have 128 bytes"));
  EXPECT_THAT(RefusedPipeline("left: shared float16[2,64,64]", "left: shared float16[2,257,64]"),
              HasSubstr("multiple of 8"));
  EXPECT_THAT(RefusedPipeline("left: shared float16[2,64,64]", "left: shared float16[2,264,64]"),
              HasSubstr("at most 256"));
  EXPECT_THAT(RefusedPipeline("left[stage % 2, 0, 0], a", "left[stage % 2, 8, 0], a"),
              HasSubstr("named from its first"));
}

TEST(Pipelines, RowsOutsideTheirSlotsAreFound) {
  const Program program =
      ParseProgram(Altered("left[stage % 2, 0, 0], right", "left[stage % 2, 8, 0], right")).value();
  std::vector<Tensor> args = SlotArguments(program);
  EXPECT_THAT(Interpret(program, args).message(), HasSubstr("rows outside their buffer"));
}

}  // namespace
}  // namespace tilewright
