// The kernels that templates emit for real layers, read as assembly: no accumulator of a
// multiply-add loop lives on the stack.
#include <gtest/gtest.h>

#include "compiler/core/workload.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "tests/targets/assembly.h"

namespace tilewright {
namespace {

struct Layer {
  const char* name;
  const char* workload;
};

// Of ResNet-50 and BERT.
const Layer kLayers[] = {
    {"Conv7x7",
     "conv2d(float32[1,3,224,224],float32[64,3,7,7];dilation=1,1;groups=1;"
     "padding=3,3,3,3;strides=2,2;NCHW,OIHW16o,NCHW16c)+bias+relu"},
    {"Conv3x3",
     "conv2d(float32[1,128,28,28],float32[128,128,3,3];dilation=1,1;groups=1;"
     "padding=1,1,1,1;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu"},
    {"Conv1x1",
     "conv2d(float32[1,64,56,56],float32[256,64,1,1];dilation=1,1;groups=1;"
     "padding=0,0,0,0;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+relu"},
    {"Conv1x1OfSmallImage",
     "conv2d(float32[1,2048,7,7],float32[512,2048,1,1];dilation=1,1;"
     "groups=1;padding=0,0,0,0;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)"
     "+bias+relu"},
    {"Dense", "dense(float32[128,768],float32[3072,768];,NK16n,)+bias"},
    {"BatchMatmul", "batch_matmul(float32[12,128,64],float32[12,64,128];,,)"},
    {"Attention",
     "attention(float32[1,128,12,64],float32[1,128,12,64],float32[1,128,12,64],float32[1,1,1,128];"
     "causal=-1;empty_rows=0;scaled=1;,,)"},
};

class EmittedKernels : public testing::TestWithParam<Layer> {};

TEST_P(EmittedKernels, KeepTheirAccumulatorsInRegisters) {
  const Target target = ParseTarget("cpu -mcpu=znver5").value();
  const Workload workload = ParseWorkload(GetParam().workload).value();
  for (const TemplateEntry& entry : Templates()) {
    if (!entry.impl->Matches(workload, target)) continue;
    const auto task = entry.impl->Lower(workload, target, entry.impl->Default(workload, target));
    ASSERT_TRUE(task.ok()) << task.status();
    std::vector<Program> programs;
    for (const LoweredStep& step : task->steps) programs.push_back(step.program);
    std::string assembly;
    const CompileOptions options{.assembly = &assembly};
    const auto library = FindTarget("cpu").value()->CompileLibrary(programs, target, options);
    ASSERT_TRUE(library.ok()) << library.status();
    const auto loops = MultiplyAddLoops(assembly);
    EXPECT_FALSE(loops.empty()) << entry.name << assembly;
    for (const auto& loop : loops) EXPECT_EQ(SpillsIn(loop), "") << entry.name;
  }
}

INSTANTIATE_TEST_SUITE_P(OfLayers, EmittedKernels, testing::ValuesIn(kLayers),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
