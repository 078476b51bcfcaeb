// Templates for GPUs on a device (PoCL) and through NVRTC, by random shapes and configs. Slow.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "compiler/driver/compile_task.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/device_check.h"
#include "tests/targets/gpu_shapes.h"

namespace tilewright {
namespace {

// Defaults, and `samples` configs of each template's space, on PoCL.
void CheckOnTheDevice(const Workload& workload, uint64_t seed, int samples) {
  CheckTemplates("opencl:0", ParseTarget("opencl").value(), workload, {seed, samples});
}

class RandomShapes : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomShapes, DefaultsComputeWhatTheDefinitionDoes) {
  GpuShapes shapes(GetParam(), 24);
  for (int i = 0; i < 5; ++i) {
    CheckOnTheDevice(shapes.Next(), GetParam(), 0);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomShapes, testing::Range<uint64_t>(1, 5));

class OddShapes : public testing::TestWithParam<const char*> {};

TEST_P(OddShapes, ConfigsComputeWhatTheDefinitionDoes) {
  CheckOnTheDevice(ParseWorkload(GetParam()).value(), 5, 1);
}

// Winograd's tiles of 2 and 4, cut off at the borders; strides that the kernel does not fill.
INSTANTIATE_TEST_SUITE_P(
    Float32, OddShapes,
    testing::Values("conv2d(float32[2,5,7,6],float32[6,5,3,3];dilation=1,1;groups=1;"
                    "padding=0,2,1,0;strides=1,1;NCHW,OIHW,NCHW)+bias",
                    "conv2d(float32[2,3,16,9],float32[6,3,3,3];dilation=1,1;groups=1;"
                    "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
                    "conv2d_transpose(float32[2,3,4,5],float32[3,5,4,2];dilation=1,2;groups=1;"
                    "output_padding=0,1;padding=0,1,2,0;strides=1,3;NCHW,IOHW,NCHW)",
                    "conv2d_transpose(float32[1,7,1,6],float32[7,1,1,9];dilation=1,1;groups=1;"
                    "output_padding=0,0;padding=0,4,0,4;strides=1,4;NCHW,IOHW,NCHW)+add"));

// Narrow in memory, sums in float32.
constexpr const char* kNarrow[] = {
    "conv2d(float16[1,6,7,9],float16[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(bfloat16[1,4,6,5],bfloat16[6,2,3,3];dilation=1,1;groups=2;padding=1,1,1,1;"
    "strides=2,1;NCHW,OIHW,NCHW)",
    "depthwise_conv2d(float16[1,6,9,7],float16[6,1,3,3];dilation=1,1;groups=6;padding=1,1,1,1;"
    "strides=2,2;NCHW,OIHW,NCHW)",
    "conv2d_transpose(float16[1,4,5,4],float16[4,6,3,3];dilation=1,1;groups=1;"
    "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias",
    "dense(float16[3,14],float16[10,14];out=float32;,NK,)",
    "dense(bfloat16[40,28],bfloat16[36,28];,NK,)+bias+relu",
    "batch_matmul(float16[3,5,14],float16[3,14,9];,,)"};
INSTANTIATE_TEST_SUITE_P(Narrow, OddShapes, testing::ValuesIn(kNarrow));

struct Layer {
  const char *name, *key;
};
const Layer kLayers[] = {
    {"group_conv2d_nchw.cuda",
     "conv2d(float32[1,128,14,14],float32[128,4,3,3];dilation=1,1;groups=32;padding=1,1,1,1;"
     "strides=1,1;NCHW,OIHW,NCHW)+bias+relu"},
    {"group_conv2d_nchw.cuda",
     "conv2d(float32[2,12,15,9],float32[18,4,5,3];dilation=1,2;groups=3;padding=2,0,1,3;"
     "strides=2,1;NCHW,OIHW,NCHW)"},
    {"conv2d_nchw_winograd.cuda",
     "conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
     "strides=1,1;NCHW,OIHW,NCHW)+bias+relu"},
    {"conv2d_transpose_nchw.cuda",
     "conv2d_transpose(float32[1,64,9,4],float32[64,32,3,3];dilation=1,1;groups=1;"
     "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias+relu"},
};

class Nvrtc : public testing::TestWithParam<const char*> {};

// Where NVRTC is missing, the first compilation says so.
TEST_P(Nvrtc, CompilesSampledConfigs) {
  uint64_t seed = 17;
  for (const auto& [name, key] : kLayers) {
    const Task task{ParseWorkload(key).value(), name,
                    ParseTarget(absl::StrCat("cuda -arch=", GetParam())).value()};
    const ConfigSpace space = FindTemplate(name).value()->Space(task.workload, task.target);
    Rng rng(++seed);
    for (int i = 0; i < 6; ++i) {
      const Config config = space.At(space.Sample(rng).value());
      SCOPED_TRACE(absl::StrCat(key, " seed ", seed, " ", EntitiesToJson(config)));
      if (!IsBuilt(CompileTask(task, config).status())) return;
    }
  }
}

TEST_P(Nvrtc, CompilesNarrowTypes) {
  const Target target = ParseTarget(absl::StrCat("cuda -arch=", GetParam())).value();
  for (const char* key : kNarrow) {
    const Workload workload = ParseWorkload(key).value();
    for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
      SCOPED_TRACE(absl::StrCat(entry.name, " ", key));
      const Config config = entry.impl->Default(workload, target);
      IsBuilt(CompileTask({workload, entry.name, target}, config).status());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Nvrtc,
                         testing::Values("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace tilewright
