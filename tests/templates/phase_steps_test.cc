// How many passes over its input a transposed convolution makes.
#include <gtest/gtest.h>

#include "compiler/loop/verify.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// The programs of the default config, each verified.
size_t ProgramsOf(const char* key, const char* target_text) {
  const Workload workload = ParseWorkload(key).value();
  const Target target = ParseTarget(target_text).value();
  const TemplateEntry entry = MatchingTemplates(workload, target).at(0);
  const Config config = entry.impl->Default(workload, target);
  const LoweredTask task = entry.impl->Lower(workload, target, config).value();
  for (const LoweredStep& step : task.steps) {
    EXPECT_TRUE(Verify(step.program).ok()) << Verify(step.program);
  }
  return task.steps.size();
}

TEST(PhaseSteps, PhasesOfEqualLengthAreOneProgram) {
  EXPECT_EQ(ProgramsOf("conv2d_transpose(float32[1,32,12,16],float32[32,24,2,2];dilation=1,1;"
                       "groups=1;output_padding=0,0;padding=0,0,0,0;strides=2,2;"
                       "NCHW8c,IOHW8i8o,NCHW8c)+bias+relu",
                       "cpu -mcpu=haswell"),
            1);
  EXPECT_EQ(ProgramsOf("conv2d_transpose(float32[1,24,12,16],float32[24,1,4,4];dilation=1,1;"
                       "groups=1;output_padding=0,0;padding=1,1,1,1;strides=2,2;"
                       "NCHW,IOHW,NCHW)+bias",
                       "cpu -mcpu=x86-64"),
            1);
}

TEST(PhaseSteps, PhasesOfAnOddOutputAreAProgramForEachLength) {
  EXPECT_EQ(ProgramsOf("conv2d_transpose(float32[1,16,12,16],float32[16,16,3,3];dilation=1,1;"
                       "groups=1;output_padding=0,0;padding=0,0,0,0;strides=2,2;"
                       "NCHW8c,IOHW8i8o,NCHW8c)",
                       "cpu -mcpu=haswell"),
            2);
}

TEST(PhaseSteps, ManyPhasesAreSeveralProgramsSoThatTheyCompileInTime) {
  EXPECT_EQ(ProgramsOf("conv2d_transpose(float32[1,16,12,16],float32[16,16,8,8];dilation=1,1;"
                       "groups=1;output_padding=0,0;padding=0,0,0,0;strides=8,8;"
                       "NCHW8c,IOHW8i8o,NCHW8c)",
                       "cpu -mcpu=haswell"),
            16);
}

}  // namespace
}  // namespace tilewright
