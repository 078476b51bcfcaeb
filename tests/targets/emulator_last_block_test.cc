// Reductions that are split over blocks and finished by the last of a tile's: right on every device
// of this machine, run after run, and the emulator finds the bugs that are put into their text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "compiler/driver/compile_task.h"
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
using testing::Not;

// Four parts of five stages, the last one empty; two tiles along m and along n some more.
const Subject& TensorCores() {
  static const Subject subject =
      SubjectOf("dense(float16[40,160],float16[72,160];,NK,)+bias", "dense_tensorcore.cuda",
                "cuda -arch=sm_80",
                R"([["block_row_warps","ot",2],["block_col_warps","ot",1],
                    ["warp_row_tiles","ot",1],["warp_col_tiles","ot",2],["chunk","ot",2],
                    ["offset","ot",8],["offsetCS","ot",0],["vec","ot",8],["wmma_m","ot",16],
                    ["split_k","ot",4],["last_block","ot",1]])");
  return subject;
}

// Three parts of six channels, of two stages each.
constexpr char kConvKey[] =
    "conv2d(float32[1,12,8,9],float32[8,12,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu";
constexpr char kConvConfig[] =
    R"([["tile_f","sp",[2,1,2,2]],["tile_y","sp",[2,1,4,1]],["tile_x","sp",[1,1,9,1]],
        ["tile_rc","sp",[3,2,2]],["tile_ry","sp",[1,3]],["tile_rx","sp",[1,3]],
        ["auto_unroll_max_step","ot",0],["unroll_explicit","ot",0]])";

const Subject& Convolution() {
  static const Subject subject =
      SubjectOf(kConvKey, "conv2d_nchw_split.gpu", "cuda -arch=sm_80", kConvConfig);
  return subject;
}

// Two parts of two stages; the warp that fills slots only meets the others.
constexpr char kGroupsConfig[] =
    R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",64],["slots","ot",2],
        ["raster","ot",1],["split_k","ot",2],["last_block","ot",1]])";

const Subject& Warpgroups() {
  static const Subject subject = SubjectOf("dense(float16[70,256],float16[40,256];,NK,)+bias",
                                           "dense_wgmma.cuda", "cuda -arch=sm_90", kGroupsConfig);
  return subject;
}

const char kUnfenced[] = "without a fence after what its block wrote";
const char kUnmet[] =
    "without a barrier after its block's fences|after its block has arrived|without a fence";
const char kUnseen[] = "races with another block";
const char kTooEarly[] = "reads what nobody wrote|races with another";
const char kArrive[] = "if (TW_THREAD_X + TW_THREAD_Y + TW_THREAD_Z == 0) ";

const SeededBug kLastBlockBugs[] = {
    {"no fence before the arrival", TensorCores, "  TW_FENCE;\n  TW_BARRIER;", "  TW_BARRIER;",
     kUnfenced},
    {"no fence before the arrival of a convolution", Convolution, "  TW_FENCE;\n  TW_BARRIER;",
     "  TW_BARRIER;", kUnfenced},
    {"no fence before the arrival of warpgroups", Warpgroups, "  TW_FENCE;\n  TW_BARRIER;",
     "  TW_BARRIER;", kUnfenced},
    {"no fence behind the arrival of warpgroups", Warpgroups, "    TW_FENCE;\n", "", kUnseen},
    {"no barrier before the arrival", TensorCores, "  TW_FENCE;\n  TW_BARRIER;", "  TW_FENCE;",
     kUnmet},
    {"the barrier before the fence", TensorCores, "  TW_FENCE;\n  TW_BARRIER;",
     "  TW_BARRIER;\n  TW_FENCE;", kUnmet},
    {"no barrier behind the arrival", TensorCores, ", 4);\n  TW_BARRIER;\n", ", 4);\n",
     "races with another thread|reads what nobody wrote"},
    {"no fence behind the arrival", TensorCores, "    TW_FENCE;\n", "", kUnseen},
    {"no fence behind the arrival of a convolution", Convolution, "    TW_FENCE;\n", "", kUnseen},
    {"every thread arrives", Convolution, kArrive, "", "races with another thread"},
    {"a part stored behind the arrival", Convolution, ", 3);\n  TW_BARRIER;",
     ", 3);\n  partial_3[0] = 0x0p+0f;\n  TW_BARRIER;",
     "after its block has arrived|races with another"},
    {"one part too few", TensorCores, ", 4);\n  TW_BARRIER;", ", 3);\n  TW_BARRIER;", kTooEarly},
    {"one part too many", Convolution, ", 3);\n  TW_BARRIER;", ", 4);\n  TW_BARRIER;", kWrong},
    {"all tiles at one counter", TensorCores, "tw_is_last(&counters_4[",
     "tw_is_last(&counters_4[0 && ", kTooEarly},
    {"a counter outside", TensorCores, "tw_is_last(&counters_4[", "tw_is_last(&counters_4[99 + ",
     "counts, outside it"},
    {"counters that nobody zeroes", TensorCores, "counters_0[", "if (0) counters_0[",
     "counts what nobody wrote"},
    {"the last two parts left out", TensorCores, "< 4; ++part", "< 2; ++part", kWrong}};

class SeededLastBlockBugs : public testing::TestWithParam<SeededBug> {};

TEST_P(SeededLastBlockBugs, AreFound) {
  const SeededBug& bug = GetParam();
  const std::string text = WithBug(TextOf(bug.subject()), bug);
  EXPECT_THAT(Findings(bug.subject(), text), ContainsRegex(bug.finding));
}

INSTANTIATE_TEST_SUITE_P(OfText, SeededLastBlockBugs, testing::ValuesIn(kLastBlockBugs),
                         [](const auto& info) { return NameOf(info.param); });

TEST(UnchangedLastBlocks, HaveNoBugs) {
  for (const Subject* subject : {&TensorCores(), &Convolution(), &Warpgroups()}) {
    const std::string text = TextOf(*subject);
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      EXPECT_EQ(FindingsOn(*runtime::OpenEmulator(seed), *subject, text), "") << seed;
    }
  }
}

// The counters are zero again: no launch but the first needs them prepared.
TEST(LastBlockKernels, RunAgainOnWhatTheyLeft) {
  Subject again = TensorCores();
  again.task.steps.push_back(again.task.steps[0]);
  EXPECT_EQ(Findings(again, TextOf(TensorCores())), "");
}

TEST(LastBlockKernels, RunOnOpenCl) {
  const Target opencl = ParseTarget("opencl").value();
  CheckConfig("opencl:0", {ParseWorkload(kConvKey).value(), "conv2d_nchw_split.gpu", opencl},
              ParseEntitiesJson(kConvConfig).value(), 3);
  CheckConfig("opencl:0",
              {ParseWorkload("dense(float32[6,56],float32[20,56];,NK,)+bias").value(),
               "dense_split.gpu", opencl},
              ParseEntitiesJson(R"([["tile_x","sp",[3,1,2,1]],["tile_y","sp",[5,1,4,1]],
                                    ["tile_k","sp",[4,7,2]]])")
                  .value(),
              3);
}

// Of direct stores and through shared memory, with every way to overlap stages, batches of products
// and tiles that are cut off.
TEST(LastBlockKernels, OfTensorCoresRunInTheEmulatorHoweverTheyStage) {
  for (const char* key : {"dense(bfloat16[37,104],bfloat16[53,104];,NK,)+bias+relu",
                          "batch_matmul(float16[2,19,40],float16[2,40,24];,,)",
                          "dense(int8[33,96],int8[24,96];,NK,)"}) {
    const Workload workload = ParseWorkload(key).value();
    const Task task{workload, workload.op + "_tensorcore.cuda",
                    ParseTarget("emu -arch=sm_80").value()};
    for (const char* knobs : {R"(["direct_store","ot",0])", R"(["double_buffer","ot",1])",
                              R"(["async_stages","ot",2],["swizzle","ot",1])"}) {
      const std::string entities = absl::StrCat(
          R"([["block_row_warps","ot",1],["block_col_warps","ot",2],["warp_row_tiles","ot",1],
              ["warp_col_tiles","ot",1],["chunk","ot",2],["offset","ot",0],["offsetCS","ot",0],
              ["vec","ot",8],["wmma_m","ot",16],)",
          knobs, R"(,["split_k","ot",2],["last_block","ot",1]])");
      CheckConfig("emu:8", task, ParseEntitiesJson(entities).value(), 8);
      if (HasFatalFailure()) return;
    }
  }
}

// Batches, rows of right that are the depth, and convolutions, whose pixels are laid out before.
TEST(LastBlockKernels, OfWarpgroupsRunInTheEmulator) {
  for (const char* key :
       {"batch_matmul(float16[2,19,200],float16[2,200,40];,,)",
        "conv2d(bfloat16[2,72,4,6],bfloat16[24,72,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias+relu"}) {
    const Workload workload = ParseWorkload(key).value();
    const std::string name = workload.op == "conv2d" ? "conv2d_nchw" : workload.op;
    CheckConfig("emu:8", {workload, name + "_wgmma.cuda", ParseTarget("emu -arch=sm_90").value()},
                ParseEntitiesJson(kGroupsConfig).value(), 8);
  }
}

class LastBlocksByNvrtc : public testing::TestWithParam<int> {};

TEST_P(LastBlocksByNvrtc, CompileWithoutSpills) {
  const Target target = ParseTarget(absl::StrCat("cuda -arch=sm_", GetParam())).value();
  std::vector<Program> programs = {Convolution().program()};
  if (GetParam() >= 80) programs.push_back(TensorCores().program());
  std::string ptx, log;
  const auto code =
      FindTarget("cuda").value()->CompileLibrary(programs, target, {.assembly = &ptx, .log = &log});
  if (!IsBuilt(code.status())) return;
  EXPECT_THAT(ptx, ContainsRegex("atom.*inc.u32"));
  EXPECT_THAT(log, Not(ContainsRegex("[1-9][0-9]* bytes spill stores")));
}

INSTANTIATE_TEST_SUITE_P(Architectures, LastBlocksByNvrtc, testing::Values(75, 80, 90, 100, 120),
                         [](const auto& info) { return absl::StrCat("sm_", info.param); });

}  // namespace
}  // namespace tilewright
