// The template for Hopper's warpgroups against the plain definition in the interpreter; its space,
// default and choice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/target_backend.h"
#include "tests/contract/template_contract.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

const Target kHopper = ParseTarget("cuda -arch=sm_90").value();

TemplateEntry Wgmma(const std::string& op = "dense") {
  const std::string name = (op == "conv2d" ? "conv2d_nchw" : op) + "_wgmma.cuda";
  return {name, FindTemplate(name).value()};
}

TEST(Wgmma, ComputesWhatTheDefinitionDoes) {
  for (const char* key : {"dense(float16[5,8],float16[10,8];,NK,)+bias+relu",
                          "dense(float16[70,136],float16[40,136];out=float32;,NK,)",
                          "dense(bfloat16[64,128],bfloat16[64,128];,NK,)+bias+add",
                          "dense(int8[33,144],int8[24,144];,NK,)+relu",
                          "batch_matmul(float16[2,19,72],float16[2,72,40];,,)",
                          "batch_matmul(bfloat16[3,5,8],bfloat16[3,8,80];out=float32;,,)",
                          "conv2d(bfloat16[2,72,4,6],bfloat16[24,72,1,1];dilation=1,1;groups=1;"
                          "padding=0,0,0,0;strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
                          "conv2d(float16[2,10,5,7],float16[9,10,3,3];dilation=1,1;groups=1;"
                          "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
                          "conv2d(bfloat16[1,3,11,7],bfloat16[4,3,5,3];dilation=1,2;groups=1;"
                          "padding=2,0,1,3;strides=2,1;NCHW,OIHW,NCHW)+add",
                          "conv2d(float16[3,24,7,9],float16[16,24,1,1];dilation=1,1;groups=1;"
                          "padding=0,0,0,0;strides=2,2;NCHW,OIHW,NCHW)",
                          "conv2d(float16[2,16,6,8],float16[8,16,1,1];dilation=1,1;groups=1;"
                          "padding=1,1,1,1;strides=2,3;NCHW,OIHW,NCHW)",
                          "conv2d(int8[1,130,6,5],int8[40,130,3,3];dilation=2,1;groups=1;"
                          "padding=2,1,2,1;strides=1,2;NCHW,OIHW,NCHW)+relu"}) {
    const Workload workload = ParseWorkload(key).value();
    const TemplateEntry entry = Wgmma(workload.op);
    ASSERT_TRUE(entry.impl->Matches(workload, kHopper)) << key;
    CheckTemplate(entry, workload, kHopper, 3, 19);
    if (HasFatalFailure()) return;
  }
}

TEST(Wgmma, TakesHopperAloneAndRowsOfWholeSixteenBytes) {
  const auto taken = [](const char* key, const char* target) {
    const Workload workload = ParseWorkload(key).value();
    return Wgmma(workload.op).impl->Matches(workload, ParseTarget(target).value());
  };
  const char* dense = "dense(float16[64,768],float16[1000,768];,NK,)";
  EXPECT_TRUE(taken(dense, "cuda -arch=sm_90"));
  EXPECT_TRUE(taken(dense, "cuda -arch=sm_90a"));
  EXPECT_TRUE(taken(dense, "emu -arch=sm_90"));
  EXPECT_FALSE(taken(dense, "cuda -arch=sm_80"));
  EXPECT_FALSE(taken(dense, "cuda -arch=sm_100"));
  EXPECT_FALSE(taken(dense, "opencl"));
  EXPECT_FALSE(taken("dense(float16[64,12],float16[64,12];,NK,)", "cuda -arch=sm_90"));
  EXPECT_FALSE(taken("dense(float32[64,64],float32[64,64];,NK,)", "cuda -arch=sm_90"));
  EXPECT_FALSE(taken("batch_matmul(float16[2,16,64],float16[2,64,12];,,)", "cuda -arch=sm_90"));
  const char* window =
      "conv2d(float16[1,64,8,8],float16[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=1,1;NCHW,OIHW,NCHW)";
  EXPECT_TRUE(taken(window, "cuda -arch=sm_90"));
  const char* groups =
      "conv2d(float16[1,64,8,8],float16[64,32,3,3];dilation=1,1;groups=2;padding=1,1,1,1;"
      "strides=1,1;NCHW,OIHW,NCHW)";
  EXPECT_FALSE(taken(groups, "cuda -arch=sm_90"));
}

// No device has confirmed it.
TEST(Wgmma, IsTakenByRecordsAlone) {
  for (const char* key : {"dense(float16[1,4096],float16[4096,4096];,NK,)",
                          "dense(float16[4096,4096],float16[4096,4096];,NK,)"}) {
    EXPECT_NE(UntunedTemplate(ParseWorkload(key).value(), kHopper, true)->name, "dense_wgmma.cuda");
  }
}

TEST(Wgmma, DefaultsFillTheDeviceAndLower) {
  Rng rng(3);
  for (int i = 0; i < 12; ++i) {
    const Workload workload =
        ParseWorkload(absl::StrCat("dense(bfloat16[", 1 + rng.Below(3000), ",", 8 + 8 * i * i * 4,
                                   "],bfloat16[", 1 + rng.Below(3000), ",", 8 + 8 * i * i * 4,
                                   "];,NK,)"))
            .value();
    SCOPED_TRACE(workload.Key() + " seed 3");
    const Config config = Wgmma().impl->Default(workload, kHopper);
    ASSERT_EQ(Wgmma().impl->Space(workload, kHopper).WhyInvalid(config), std::nullopt);
    const auto task = Wgmma().impl->Lower(workload, kHopper, config);
    ASSERT_TRUE(task.ok()) << task.status();
    ASSERT_TRUE(Verify(task->steps[0].program).ok()) << Verify(task->steps[0].program);
  }
  const Workload large =
      ParseWorkload("dense(bfloat16[4096,4096],bfloat16[4096,4096];,NK,)").value();
  const Config config = Wgmma().impl->Default(large, kHopper);
  EXPECT_GE(config.Int("groups") * config.Int("row_tiles") * 64 * config.Int("columns"), 128 * 128);
  EXPECT_GE(config.Int("slots"), 3);
}

TEST(Wgmma, ASplitDepthIsSummedByASecondKernel) {
  const Workload workload =
      ParseWorkload("dense(float16[5,256],float16[10,256];,NK,)+bias").value();
  Config config = Wgmma().impl->Default(workload, kHopper);
  for (auto& [name, entity] : config.entities) {
    if (name == "split_k") entity = OtherEntity{int64_t{2}};
    if (name == "slots") entity = OtherEntity{int64_t{2}};
  }
  const auto task = Wgmma().impl->Lower(workload, kHopper, config);
  ASSERT_TRUE(task.ok()) << task.status();
  ASSERT_EQ(task->steps.size(), 2u);
  EXPECT_EQ(LaunchOf(task->steps[0].program).grid[2], 2);
  EXPECT_EQ(task->steps[1].operands, (std::vector<int>{4, 2, 3}));
}

// The kernel, and what its module says of its launch.
TEST(Wgmma, SaysWhatItsLaunchNeeds) {
  const Workload workload = ParseWorkload("dense(float16[72,200],float16[40,200];,NK,)").value();
  const Config config =
      ParseEntitiesJson(R"([["groups","ot",2],["row_tiles","ot",1],["columns","ot",32],)"
                        R"(["slots","ot",3],["raster","ot",1],["split_k","ot",1]])")
          .value();
  const Program programs[] = {
      Wgmma().impl->Lower(workload, kHopper, config).value().steps[0].program};
  const std::string text = ModuleText(programs, *runtime::FindDeviceKind("cuda"));
  EXPECT_THAT(text, HasSubstr("TW_NEEDS long long tw_needs_dense[] = {16, 61488, 2, "
                              "0, 2, 2, 72, 200, 128, 64, 1, 2, 2, 40, 200, 32, 64};"));
  EXPECT_THAT(text, HasSubstr("#define TW_NEEDS __constant__\n"));
  EXPECT_THAT(text, HasSubstr("TW_MAP(map_"));
  const auto old = FindTarget("cuda").value()->CompileLibrary(
      programs, ParseTarget("cuda -arch=sm_100").value(), {});
  EXPECT_THAT(old.status().message(), HasSubstr("sm_100 has no"));
}

}  // namespace
}  // namespace tilewright
