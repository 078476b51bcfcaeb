// The template for Hopper's warpgroups against the plain definition in the interpreter; its space,
// default and choice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/c_text.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/target_backend.h"
#include "tests/contract/template_contract.h"
#include "tests/paths.h"

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
    CheckTemplate(entry, workload, kHopper, {3, 19});
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

TEST(Wgmma, DefaultsOfConvolutionsLower) {
  for (const char* shape : {"[1,3,224,224],float16[64,3,7,7];dilation=1,1;groups=1;padding=3,3,3,3;"
                            "strides=2,2",
                            "[16,64,56,56],float16[64,64,3,3];dilation=1,1;groups=1;"
                            "padding=1,1,1,1;strides=1,1",
                            "[64,512,7,7],float16[2048,512,1,1];dilation=1,1;groups=1;"
                            "padding=0,0,0,0;strides=1,1"}) {
    const Workload workload =
        ParseWorkload(absl::StrCat("conv2d(float16", shape, ";NCHW,OIHW,NCHW)")).value();
    const Template& impl = *Wgmma("conv2d").impl;
    const auto task = impl.Lower(workload, kHopper, impl.Default(workload, kHopper));
    ASSERT_TRUE(task.ok()) << task.status();
    for (const LoweredStep& step : task->steps) {
      EXPECT_TRUE(Verify(step.program).ok()) << Verify(step.program);
    }
  }
}

Config Smallest(int64_t split_k) {
  return ParseEntitiesJson(
             absl::StrCat(R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",32],)",
                          R"(["slots","ot",2],["raster","ot",1],["split_k","ot",)", split_k, "]]"))
      .value();
}

// Nine stages in two parts: what is multiplied by the zeros of the tenth must be zero too.
TEST(Wgmma, InfinitePixelsStayInfiniteInUnequalPartsOfTheDepth) {
  const Workload workload =
      ParseWorkload(
          "conv2d(float16[1,8,3,3],float16[8,8,3,3];dilation=1,1;groups=1;padding=0,0,0,0;"
          "strides=1,1;NCHW,OIHW,NCHW)")
          .value();
  const LoweredTask task = Wgmma("conv2d").impl->Lower(workload, kHopper, Smallest(2)).value();
  std::vector<Tensor> operands;
  for (const TensorType& type : ArgumentTypes(workload)) operands.emplace_back(type);
  for (const TensorType& type : task.buffers) operands.emplace_back(type);
  for (int64_t i = 0; i < operands[0].size(); ++i) operands[0].Set(i, INFINITY);
  for (int64_t i = 0; i < operands[1].size(); ++i) operands[1].Set(i, 1);
  for (const std::vector<LoweredStep>* steps : {&task.prepare, &task.steps}) {
    for (const LoweredStep& step : *steps) {
      std::vector<Tensor> args;
      for (size_t i = 0; i < step.operands.size(); ++i) {
        args.push_back(operands[step.operands[i]].Reshaped(step.program.params[i]->shape));
      }
      ASSERT_TRUE(Interpret(step.program, args).ok());
      operands[step.operands.back()] = args.back();
    }
  }
  EXPECT_EQ(operands[2].AsDouble(0), INFINITY);
}

// The pixels laid out channels last by their residues, and the products: a stride of 2, so that
// boxes have five dimensions.
TEST(Wgmma, AConvolutionIsWrittenAsTheGoldenKernels) {
  const Workload workload =
      ParseWorkload(
          "conv2d(float16[2,72,7,9],float16[24,72,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
          "strides=2,2;NCHW,OIHW,NCHW)+bias+relu")
          .value();
  const LoweredTask task = Wgmma("conv2d").impl->Lower(workload, kHopper, Smallest(1)).value();
  ASSERT_EQ(task.steps.size(), 2u);
  const std::string text = KernelText(task.steps[0].program) + KernelText(task.steps[1].program);
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/tests/golden/templates/conv2d_nchw_wgmma.cu");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str());
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

// The compiler keeps the zeros that integer sums begin with beside the sums of a single stage.
TEST(Wgmma, IntegerSumsOfOneStageTakeTwiceTheRegisters) {
  const Workload workload = ParseWorkload("dense(int8[64,256],int8[128,256];,NK,)").value();
  const ConfigSpace space = Wgmma().impl->Space(workload, kHopper);
  const auto why_invalid = [&](int64_t split_k) {
    return space.WhyInvalid(
        ParseEntitiesJson(absl::StrCat(R"([["groups","ot",2],["row_tiles","ot",1],)",
                                       R"(["columns","ot",192],["slots","ot",2],)",
                                       R"(["raster","ot",1],["split_k","ot",)", split_k,
                                       R"(],["last_block","ot",0],["atomics","ot",0]])"))
            .value());
  };
  EXPECT_EQ(why_invalid(1), std::nullopt);
  EXPECT_THAT(why_invalid(2).value_or(""), HasSubstr("registers"));
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
