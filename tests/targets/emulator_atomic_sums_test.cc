// Reductions that are split over blocks, each of which adds its part to the output: right on every
// device of this machine, and the emulator finds the bugs that are put into their text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "compiler/core/config.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "runtime/device/emulator_device.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/device_check.h"
#include "tests/targets/seeded_bugs.h"

namespace tilewright {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr char kAtomicWarps[] =
    R"([["block_row_warps","ot",2],["block_col_warps","ot",1],["warp_row_tiles","ot",1],
        ["warp_col_tiles","ot",2],["chunk","ot",2],["offset","ot",8],["offsetCS","ot",0],
        ["vec","ot",8],["wmma_m","ot",16],["split_k","ot",4],["atomics","ot",1]])";

// Four parts of five stages, the last one empty; two tiles along m and along n some more.
const Subject& AtomicTensorCores() {
  static const Subject subject =
      SubjectOf("dense(float16[40,160],float16[72,160];out=float32;,NK,)", "dense_tensorcore.cuda",
                "cuda -arch=sm_80", kAtomicWarps);
  return subject;
}

// Three parts of six channels, of two stages each.
constexpr char kAtomicConvKey[] =
    "conv2d(float32[1,12,8,9],float32[8,12,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)";
constexpr char kAtomicConvConfig[] =
    R"([["tile_f","sp",[2,1,2,2]],["tile_y","sp",[2,1,4,1]],["tile_x","sp",[1,1,9,1]],
        ["tile_rc","sp",[3,2,2]],["tile_ry","sp",[1,3]],["tile_rx","sp",[1,3]],
        ["auto_unroll_max_step","ot",0],["unroll_explicit","ot",0],["atomics","ot",1]])";

const Subject& AtomicConvolution() {
  static const Subject subject =
      SubjectOf(kAtomicConvKey, "conv2d_nchw_split.gpu", "cuda -arch=sm_80", kAtomicConvConfig);
  return subject;
}

const Subject& AtomicWarpgroups() {
  static const Subject subject =
      SubjectOf("dense(float16[70,256],float16[40,256];out=float32;,NK,)", "dense_wgmma.cuda",
                "cuda -arch=sm_90",
                R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",32],["slots","ot",2],
                    ["raster","ot",1],["split_k","ot",2],["atomics","ot",1]])");
  return subject;
}

constexpr char kAtomicAddCall[] = "tw_add_f32(&";
// Instead of it: `tw_as` is an element.
constexpr char kStoresInstead[] = "[](tw_place<tw_f32> at, tw_f32 v) { tw_as<tw_f32>(at) = v; }(&";
constexpr char kReadsThenStores[] =
    "[](tw_place<tw_f32> at, tw_f32 v) { tw_as<tw_f32>(at) = tw_as<tw_f32>(at) + v; }(&";
constexpr char kAddsTwice[] =
    "[](tw_place<tw_f32> at, tw_f32 v) { tw_add_f32(at, v); tw_add_f32(at, v); }(&";
constexpr char kAddsOutside[] =
    "[](tw_place<tw_f32> at, tw_f32 v) { at.at += 1 << 20; tw_add_f32(at, v); }(&";
constexpr char kAddsAndReads[] =
    "[](tw_place<tw_f32> at, tw_f32 v) { tw_add_f32(at, v); (void)(tw_f32)tw_as<tw_f32>(at); }(&";

const SeededBug kAtomicBugs[] = {
    {"stores instead of adding", AtomicTensorCores, kAtomicAddCall, kStoresInstead,
     "races with another block"},
    {"stores instead of adding in a convolution", AtomicConvolution, kAtomicAddCall, kStoresInstead,
     "races with another block"},
    {"reads then stores", AtomicTensorCores, kAtomicAddCall, kReadsThenStores,
     "races with another block"},
    {"reads then stores in a convolution", AtomicConvolution, kAtomicAddCall, kReadsThenStores,
     "races with another block"},
    {"reads then stores of warpgroups", AtomicWarpgroups, kAtomicAddCall, kReadsThenStores,
     "races with another block"},
    {"reads sums that are not complete", AtomicConvolution, kAtomicAddCall, kAddsAndReads,
     "races with another"},
    {"adds twice", AtomicTensorCores, kAtomicAddCall, kAddsTwice, kWrong},
    {"adds outside", AtomicConvolution, kAtomicAddCall, kAddsOutside, "adds, outside it"},
    {"sums that nobody zeroes", AtomicTensorCores, "out_0[", "if (0) out_0[",
     "adds to what nobody wrote"},
    {"sums that nobody zeroes of a convolution", AtomicConvolution, "out_0[", "if (0) out_0[",
     "adds to what nobody wrote"}};

class SeededAtomicBugs : public testing::TestWithParam<SeededBug> {};

TEST_P(SeededAtomicBugs, AreFound) {
  const SeededBug& bug = GetParam();
  const std::string text = WithBug(TextOf(bug.subject()), bug);
  EXPECT_THAT(Findings(bug.subject(), text), ContainsRegex(bug.finding));
}

INSTANTIATE_TEST_SUITE_P(OfText, SeededAtomicBugs, testing::ValuesIn(kAtomicBugs),
                         [](const auto& info) { return NameOf(info.param); });

TEST(UnchangedAtomicSums, HaveNoBugs) {
  for (const Subject* subject : {&AtomicTensorCores(), &AtomicConvolution(), &AtomicWarpgroups()}) {
    const std::string text = TextOf(*subject);
    EXPECT_THAT(text, HasSubstr(kAtomicAddCall));
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      EXPECT_EQ(FindingsOn(*runtime::OpenEmulator(seed), *subject, text), "") << seed;
    }
  }
}

// Each run zeroes its sums.
TEST(AtomicSums, RunAgainOnWhatTheyLeft) {
  Subject again = AtomicConvolution();
  for (int i = 0; i < 2; ++i) again.task.steps.push_back(again.task.steps[static_cast<size_t>(i)]);
  EXPECT_EQ(Findings(again, TextOf(AtomicConvolution())), "");
}

TEST(AtomicSums, RunOnOpenCl) {
  const Target opencl = ParseTarget("opencl").value();
  CheckConfig("opencl:0", {ParseWorkload(kAtomicConvKey).value(), "conv2d_nchw_split.gpu", opencl},
              ParseEntitiesJson(kAtomicConvConfig).value(), 3);
  CheckConfig("opencl:0",
              {ParseWorkload("dense(float32[6,56],float32[20,56];,NK,)").value(), "dense_split.gpu",
               opencl},
              ParseEntitiesJson(R"([["tile_x","sp",[3,1,2,1]],["tile_y","sp",[5,1,4,1]],
                                    ["tile_k","sp",[4,7,2]],["atomics","ot",1]])")
                  .value(),
              3);
}

// Integers too, batches of products and tiles that are cut off.
TEST(AtomicSums, OfTensorCoresRunInTheEmulator) {
  for (const char* key : {"dense(int8[33,160],int8[24,160];,NK,)",
                          "batch_matmul(float16[2,19,160],float16[2,160,24];out=float32;,,)"}) {
    const Workload workload = ParseWorkload(key).value();
    CheckConfig(
        "emu:8",
        {workload, workload.op + "_tensorcore.cuda", ParseTarget("emu -arch=sm_80").value()},
        ParseEntitiesJson(kAtomicWarps).value(), 8);
  }
}

// Of float16, its epilogue or a rounded output, parts are no sums that the output can hold.
TEST(AtomicSums, AreOfferedWhereTheOutputHoldsTheSums) {
  const auto offered = [](const char* key, const char* name) {
    const ConfigSpace space = FindTemplate(name).value()->Space(
        ParseWorkload(key).value(), ParseTarget("cuda -arch=sm_90").value());
    Config config = space.At(0);
    for (auto& [knob, entity] : config.entities) {
      if (knob == "split_k") entity = OtherEntity{int64_t{2}};
      if (knob == "atomics") entity = OtherEntity{int64_t{1}};
    }
    return space.IndexOf(config).ok();
  };
  EXPECT_TRUE(
      offered("dense(float16[64,64],float16[64,64];out=float32;,NK,)", "dense_tensorcore.cuda"));
  EXPECT_TRUE(offered("dense(int8[64,64],int8[64,64];,NK,)", "dense_wgmma.cuda"));
  EXPECT_TRUE(offered("dense(float32[4,64],float32[64,64];,NK,)", "dense_split.gpu"));
  EXPECT_FALSE(offered("dense(float16[64,64],float16[64,64];,NK,)", "dense_tensorcore.cuda"));
  EXPECT_FALSE(
      offered("dense(float16[64,64],float16[64,64];out=float32;,NK,)+relu", "dense_wgmma.cuda"));
  EXPECT_FALSE(offered("dense(float32[4,64],float32[64,64];,NK,)+bias", "dense_split.gpu"));
}

class AtomicSumsByNvrtc : public testing::TestWithParam<int> {};

TEST_P(AtomicSumsByNvrtc, CompileToReductionsWithoutSpills) {
  const Target target = ParseTarget(absl::StrCat("cuda -arch=sm_", GetParam())).value();
  std::vector<Program> programs = {AtomicConvolution().task.steps.back().program};
  if (GetParam() >= 80) programs.push_back(AtomicTensorCores().task.steps.back().program);
  std::string ptx, log;
  const auto code =
      FindTarget("cuda").value()->CompileLibrary(programs, target, {.assembly = &ptx, .log = &log});
  if (!IsBuilt(code.status())) return;
  EXPECT_THAT(ptx, ContainsRegex("(red|atom)\\.[a-z.]*add\\.f32"));
  EXPECT_THAT(log, Not(ContainsRegex("[1-9][0-9]* bytes spill stores")));
}

INSTANTIATE_TEST_SUITE_P(Architectures, AtomicSumsByNvrtc, testing::Values(75, 80, 90, 100, 120),
                         [](const auto& info) { return absl::StrCat("sm_", info.param); });

}  // namespace
}  // namespace tilewright
