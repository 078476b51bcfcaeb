// Every template for GPUs in the emulator, which runs the text as it is printed for them: odd
// shapes against the plain definition. Slow: each kernel is compiled, each access checked.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/driver/plain_run.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "runtime/device/emulator_device.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/device_check.h"
#include "tests/targets/gpu_shapes.h"

namespace tilewright {
namespace {

Target Emulated(const std::string& arch) { return ParseTarget("emu -arch=" + arch).value(); }

constexpr const char* kOddSimt[] = {
    "conv2d(float32[1,6,7,9],float32[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)",
    "conv2d(float32[2,3,11,7],float32[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
    "strides=2,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[2,3,16,9],float32[6,3,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
    "depthwise_conv2d(float32[1,6,9,7],float32[6,1,3,3];dilation=1,1;groups=6;padding=1,1,1,1;"
    "strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[2,6,7,9],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d_transpose(float32[2,3,4,5],float32[3,5,4,2];dilation=1,2;groups=1;"
    "output_padding=0,1;padding=0,1,2,0;strides=1,3;NCHW,IOHW,NCHW)",
    "dense(float32[3,14],float32[10,14];,NK,)+bias",
    "dense(int8[5,14],int8[10,14];,NK,)",
    "batch_matmul(float32[3,5,14],float32[3,14,9];,,)"};

constexpr const char* kOddTensorCore[] = {
    "dense(float16[5,14],float16[10,14];,NK,)+bias+relu",
    "dense(bfloat16[33,40],bfloat16[24,40];out=float32;,NK,)",
    "dense(int8[33,64],int8[24,64];,NK,)+relu",
    "batch_matmul(float16[2,19,24],float16[2,24,40];,,)",
    "batch_matmul(float16[3,5,9],float16[3,9,11];out=float32;,,)",
    "conv2d(float16[2,6,7,9],float16[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(bfloat16[1,3,11,7],bfloat16[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
    "strides=2,1;NCHW,OIHW,NCHW)+add",
    "conv2d(float16[2,16,4,6],float16[24,16,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias",
    "conv2d(float16[3,24,7,9],float16[16,24,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=2,2;NCHW,OIHW,NCHW)+add",
    "conv2d(int8[2,130,6,5],int8[40,130,3,3];dilation=2,1;groups=1;padding=2,1,2,1;"
    "strides=1,2;NCHW,OIHW,NCHW)+relu"};

class EmulatedTemplates : public testing::TestWithParam<const char*> {};

TEST_P(EmulatedTemplates, ComputeWhatTheDefinitionDoes) {
  const Workload workload = ParseWorkload(GetParam()).value();
  CheckTemplates("emu:5", Emulated("sm_90"), workload, {5, 1});
}

INSTANTIATE_TEST_SUITE_P(Simt, EmulatedTemplates, testing::ValuesIn(kOddSimt));
INSTANTIATE_TEST_SUITE_P(TensorCores, EmulatedTemplates, testing::ValuesIn(kOddTensorCore));

TEST(Emulator, RunsTemplatesOfAnOlderArchitectureToo) {
  CheckTemplates("emu:6", Emulated("sm_75"), ParseWorkload(kOddTensorCore[0]).value(), {6, 1});
}

class EmulatedRandomShapes : public testing::TestWithParam<uint64_t> {};

TEST_P(EmulatedRandomShapes, DefaultsComputeWhatTheDefinitionDoes) {
  GpuShapes shapes(GetParam(), 12);
  for (int i = 0; i < 3; ++i) {
    CheckTemplates(absl::StrCat("emu:", GetParam()), Emulated("sm_90"), shapes.Next(),
                   {GetParam(), 0});
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EmulatedRandomShapes, testing::Range<uint64_t>(1, 4));

// No template is left out.
TEST(Emulator, RunsAllTemplatesThatGpusHave) {
  std::set<std::string> run, all;
  for (const auto* keys : {&kOddSimt[0], &kOddTensorCore[0]}) {
    const size_t count = keys == &kOddSimt[0] ? std::size(kOddSimt) : std::size(kOddTensorCore);
    for (size_t i = 0; i < count; ++i) {
      const Workload workload = ParseWorkload(keys[i]).value();
      for (const TemplateEntry& entry : MatchingTemplates(workload, Emulated("sm_90"))) {
        run.insert(entry.name);
      }
    }
  }
  for (const TemplateEntry& entry : Templates()) {
    if (!absl::EndsWith(entry.name, ".cpu")) all.insert(entry.name);
  }
  EXPECT_EQ(run, all);
}

struct TensorCoreKnobs {
  int chunk = 4, offset = 0, double_buffer = 0, async_stages = 0, swizzle = 0, split_k = 1;
};

Config ConfigOf(const TensorCoreKnobs& knobs) {
  const std::pair<const char*, int> values[] = {{"block_row_warps", 1},
                                                {"block_col_warps", 2},
                                                {"warp_row_tiles", 1},
                                                {"warp_col_tiles", 1},
                                                {"chunk", knobs.chunk},
                                                {"offset", knobs.offset},
                                                {"offsetCS", 0},
                                                {"vec", 8},
                                                {"wmma_m", 16},
                                                {"double_buffer", knobs.double_buffer},
                                                {"direct_store", 1},
                                                {"async_stages", knobs.async_stages},
                                                {"swizzle", knobs.swizzle},
                                                {"split_k", knobs.split_k}};
  Config config;
  for (const auto& [name, value] : values) {
    config.entities.emplace_back(name, OtherEntity{int64_t{value}});
  }
  return config;
}

// ldmatrix wants eight rows of 16 bytes in different banks, whatever the length of a row.
TEST(Emulator, CountsNoBankConflictsOfPaddedAndSwizzledRows) {
  const Workload workload = ParseWorkload("dense(float16[32,128],float16[32,128];,NK,)").value();
  const Task task{workload, "dense_tensorcore.cuda", Emulated("sm_90")};
  const auto conflicts = [&](const TensorCoreKnobs& knobs) {
    const auto device = runtime::OpenEmulator(1);
    const CompiledTask compiled = CompileTask(task, ConfigOf(knobs)).value();
    DeviceTask loaded = DeviceTask::Load(compiled, ArgumentTypes(workload), *device).value();
    const absl::StatusOr<Tensor> got = loaded.Run(SeededArguments(workload, 1));
    EXPECT_TRUE(got.ok()) << got.status();
    return device->banks().conflicts;
  };
  EXPECT_EQ(conflicts({.chunk = 4, .offset = 8}), 0);
  EXPECT_EQ(conflicts({.chunk = 8, .offset = 8}), 0);
  EXPECT_GT(conflicts({.chunk = 1, .offset = 8}), 0);  // of the copies, at 48 bytes a row
  for (const int chunk : {1, 2, 4, 8}) {
    EXPECT_GT(conflicts({.chunk = chunk}), 0) << chunk;
    EXPECT_EQ(conflicts({.chunk = chunk, .swizzle = 1}), 0) << chunk;
  }
}

// The last part of the depth is cut off.
TEST(Emulator, RunsSplitDepthsHoweverStagesOverlap) {
  for (const char* key :
       {"dense(float16[37,104],float16[53,104];,NK,)+bias+relu",
        "batch_matmul(float16[2,19,40],float16[2,40,24];,,)",
        "conv2d(float16[2,8,7,9],float16[10,8,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias"}) {
    const Workload workload = ParseWorkload(key).value();
    const std::string name =
        workload.op == "conv2d" ? "conv2d_nchw_tensorcore.cuda" : workload.op + "_tensorcore.cuda";
    const Task task{workload, name, Emulated("sm_80")};
    for (const TensorCoreKnobs& knobs :
         {TensorCoreKnobs{.chunk = 1, .swizzle = 1, .split_k = 2},
          {.chunk = 1, .double_buffer = 1, .swizzle = 1, .split_k = 2},
          {.chunk = 1, .async_stages = 2, .swizzle = 1, .split_k = 2}}) {
      CheckConfig("emu:8", task, ConfigOf(knobs), 8);
      if (HasFatalFailure()) return;
    }
  }
}

// The config of AutoTVM's GPU tutorial.
constexpr const char* kTutorial =
    "conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)";
constexpr uint64_t kTutorialIndex = 1'947'908;

Task TutorialTask(const std::string& target) {
  return {ParseWorkload(kTutorial).value(), "tutorial/conv2d_no_batching",
          ParseTarget(target).value()};
}

Config TutorialConfig(const Task& task) {
  const ConfigSpace space =
      FindTemplate(task.template_name).value()->Space(task.workload, task.target);
  const Config config = space.At(kTutorialIndex);
  EXPECT_EQ(space.IndexOf(config).value(), kTutorialIndex);
  EXPECT_EQ(EntitiesToJson(config),
            R"([["tile_f","sp",[-1,2,8,1]],["tile_y","sp",[-1,1,7,1]],)"
            R"(["tile_x","sp",[-1,7,1,1]],["tile_rc","sp",[-1,8,1]],)"
            R"(["tile_ry","sp",[-1,3,1]],["tile_rx","sp",[-1,1,1]],)"
            R"(["auto_unroll_max_step","ot",512],["unroll_explicit","ot",0]])");
  EXPECT_EQ(ParseEntitiesJson(EntitiesToJson(config)).value(), config);
  return config;
}

TEST(TutorialConfig, RunsOnOpenCl) {
  const Task task = TutorialTask("opencl");
  CheckConfig("opencl:0", task, TutorialConfig(task), 3);
}

TEST(TutorialConfig, RunsInTheEmulator) {
  const Task task = TutorialTask("emu -arch=sm_90");
  CheckConfig("emu:3", task, TutorialConfig(task), 3);
}

TEST(TutorialConfig, CompilesForHopperOrTheMissingCompilerIsNamed) {
  const Task task = TutorialTask("cuda -arch=sm_90");
  IsBuilt(CompileTask(task, TutorialConfig(task)).status());
}

}  // namespace
}  // namespace tilewright
