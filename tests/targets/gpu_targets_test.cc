// GPU kernels as text: run on an OpenCL device of this machine (PoCL), compiled by NVRTC if here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "compiler/core/relative_error.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/driver/plain_run.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/c_text.h"
#include "compiler/templates/template.h"
#include "runtime/device/device.h"
#include "runtime/device/nvrtc.h"
#include "runtime/error.h"
#include "tests/targets/by_nvrtc.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

Target Parsed(const std::string& text) { return ParseTarget(text).value(); }

Tensor Expected(const Workload& workload, std::vector<Tensor> args) {
  EXPECT_TRUE(Interpret(LowerPlain(Define(workload)), args).ok());
  return args.back();
}

constexpr const char* kWorkloads[] = {
    "conv2d(float32[1,6,7,9],float32[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[2,3,11,7],float32[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
    "strides=2,1;NCHW,OIHW,NCHW)",
    "depthwise_conv2d(float32[1,6,9,7],float32[6,1,3,3];dilation=1,1;groups=6;padding=1,1,1,1;"
    "strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float32[2,6,7,9],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d_transpose(float32[1,4,5,4],float32[4,6,3,3];dilation=1,1;groups=1;"
    "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias+relu",
    "dense(float32[3,14],float32[10,14];,NK,)+bias+sigmoid",
    "batch_matmul(float32[3,5,14],float32[3,14,9];,,)"};

TEST(OpenCl, TemplatesComputeWhatTheDefinitionDoesOnADevice) {
  const std::unique_ptr<runtime::Device> device = runtime::OpenDevice("opencl:0");
  for (const char* key : kWorkloads) {
    SCOPED_TRACE(key);
    const Workload workload = ParseWorkload(key).value();
    const std::vector<TensorType> types = ArgumentTypes(workload);
    const std::vector<Tensor> args = SeededArguments(workload, 5);
    const Tensor want = Expected(workload, args);
    for (const TemplateEntry& entry : MatchingTemplates(workload, Parsed("opencl"))) {
      SCOPED_TRACE(entry.name);
      const Task task{workload, entry.name, Parsed("opencl")};
      const ConfigSpace space = entry.impl->Space(workload, task.target);
      Rng rng(3);
      for (const Config& config :
           {entry.impl->Default(workload, task.target), space.At(space.Sample(rng).value())}) {
        SCOPED_TRACE(EntitiesToJson(config));
        const absl::StatusOr<CompiledTask> compiled = CompileTask(task, config);
        ASSERT_TRUE(compiled.ok()) << compiled.status();
        absl::StatusOr<DeviceTask> loaded = DeviceTask::Load(*compiled, types, *device);
        ASSERT_TRUE(loaded.ok()) << loaded.status();
        const absl::StatusOr<Tensor> got = loaded->Run(args);
        ASSERT_TRUE(got.ok()) << got.status();
        EXPECT_LE(RelativeError(*got, want), 1e-5);
      }
    }
  }
}

TEST(OpenCl, AKernelThatDoesNotBuildSaysWhy) {
  const std::unique_ptr<runtime::Device> device = runtime::OpenDevice("opencl:0");
  try {
    device->Load("__kernel void broken(__global float* out) { out[0] = undeclared; }");
    FAIL() << "it built";
  } catch (const runtime::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("undeclared"));
  }
}

TEST(Devices, UnknownNamesAndNumbersAreRefused) {
  for (const char* name : {"tpu:0", "opencl:x", "opencl:", "cpu"}) {
    try {
      runtime::OpenDevice(name);
      FAIL() << name;
    } catch (const runtime::Error& error) {
      EXPECT_EQ(error.code(), TW_INVALID_ARGUMENT) << name;
    }
  }
  try {
    runtime::OpenDevice("opencl:99");
    FAIL() << "there is a device opencl:99";
  } catch (const runtime::Error& error) {
    EXPECT_EQ(error.code(), TW_UNAVAILABLE);
    EXPECT_THAT(error.what(), HasSubstr("no device opencl:99"));
  }
}

TEST(Targets, SayWhatTheyFoundHere) {
  for (const TargetEntry& entry : Targets()) EXPECT_FALSE(entry.impl->Found().empty());
}

TEST(Cuda, ResolvesArchitecturesAndModels) {
  EXPECT_EQ(ResolveTarget(Parsed("cuda -arch=sm_90a"))->mcpu, "sm_90a");
  EXPECT_EQ(ResolveTarget(Parsed("cuda -model=a100"))->mcpu, "sm_80");
  EXPECT_THAT(ResolveTarget(Parsed("cuda -arch=volta")).status().message(),
              HasSubstr("unknown CUDA architecture"));
}

class EveryArchitecture : public testing::TestWithParam<const char*> {};

// Where NVRTC is missing, compiling says so.
TEST_P(EveryArchitecture, CompilesEachTemplateOrNamesTheMissingCompiler) {
  const std::pair<int, const char*> kTasks[] = {
      {0, "conv2d_nchw.cuda"}, {0, "conv2d_nchw_winograd.cuda"}, {4, "conv2d_transpose_nchw.cuda"}};
  for (const auto& [key, name] : kTasks) {
    SCOPED_TRACE(name);
    const Workload workload = ParseWorkload(kWorkloads[key]).value();
    const Task task{workload, name, Parsed(std::string("cuda -arch=") + GetParam())};
    const Config config = FindTemplate(task.template_name).value()->Default(workload, task.target);
    const absl::StatusOr<CompiledTask> compiled = CompileTask(task, config);
    if (IsBuilt(compiled.status())) {
      EXPECT_EQ(compiled->so.substr(1, 3), "ELF");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, EveryArchitecture, testing::Values("sm_75", "sm_90", "sm_120"),
                         [](const auto& info) { return std::string(info.param); });

// As of every target: what is rounded to integers is the same however it is scheduled.
TEST(Cuda, ProductsAreNotFusedWithSumsInWhatWritesIntegers) {
  // Whether floats are multiplied and added in one; not, where NVRTC is missing.
  const auto fuses = [](const char* type) {
    const Program program =
        ParseProgram(std::string("program scaled(x: float32[64], y: ") + type +
                     "[64]):\n  block_x i in 0..64:\n    y[i] = cast(x[i] * 3.5 + 0.25, " + type +
                     ")\n")
            .value();
    std::string text;
    const CompileOptions options{.assembly = &text};
    const auto code = FindTarget("cuda").value()->CompileLibrary(
        {&program, 1}, Parsed("cuda -arch=sm_90"), options);
    return IsBuilt(code.status()) && text.find("fma.rn.f32") != text.npos;
  };
  EXPECT_EQ(fuses("float32"), runtime::HasNvrtc());
  EXPECT_FALSE(fuses("int32"));
}

// How the loop over `body` is repeated, which the schedule leaves rolled.
std::string Repeats(const std::string& body) {
  const Program program = ParseProgram(
                              "program sums(x: float32[64,64], y: float32[64,64]):\n"
                              "  block_x i in 0..64:\n    for j in 0..64:\n" +
                              body)
                              .value();
  const std::string text = KernelText(program);
  const size_t at = text.find("TW_UNROLL_BY(");
  return at == text.npos ? "" : text.substr(at, text.find('\n', at) - at);
}

TEST(KernelText, LoopsThatAScheduleLeavesRolledAreRepeatedAsTheirBodiesAreShort) {
  EXPECT_EQ(Repeats("      y[i, j] = x[i, j]\n"), "TW_UNROLL_BY(4)");
  EXPECT_EQ(Repeats("      unroll k in 0..16:\n        y[i, k] = x[k, j]\n"), "TW_UNROLL_BY(2)");
  EXPECT_EQ(Repeats("      unroll k in 0..64:\n        y[i, k] = x[k, j]\n"), "TW_UNROLL_BY(1)");
  EXPECT_EQ(Repeats("      for k in 0..2:\n        y[i, k] = x[k, j]\n"), "TW_UNROLL_BY(1)");
  EXPECT_EQ(Repeats("      barrier\n      y[i, j] = x[i, j]\n"), "TW_UNROLL_BY(1)");
}

// Left alone, NVRTC unrolls the copies of the first until nothing fits, and gives up a few
// registers of the second to fit another block; of the third it would load ahead all that its
// unrolled reductions read.
TEST(Cuda, KernelsThatFitTheRegistersDoNotSpill) {
  const auto spilled = [](const char* workload, const char* arch, const char* config,
                          const char* name = "conv2d_nchw.cuda") {
    const Task task{ParseWorkload(workload).value(), name, Parsed(arch)};
    const auto built = CompileTask(task, ParseEntitiesJson(config).value());
    return IsBuilt(built.status()) ? built->spilled_bytes : 0;
  };
  EXPECT_EQ(spilled("conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;"
                    "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
                    "cuda -arch=sm_90",
                    R"([["tile_f","sp",[-1,4,2,2]],["tile_y","sp",[-1,4,14,1]],
                        ["tile_x","sp",[-1,1,14,2]],["tile_rc","sp",[-1,2]],
                        ["tile_ry","sp",[-1,1]],["tile_rx","sp",[-1,3]],
                        ["auto_unroll_max_step","ot",1500],["unroll_explicit","ot",1]])"),
            0);
  EXPECT_EQ(spilled("conv2d(float32[1,3,224,224],float32[64,3,7,7];dilation=1,1;groups=1;"
                    "padding=3,3,3,3;strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
                    "cuda -arch=sm_86",
                    R"([["tile_f","sp",[-1,2,4,1]],["tile_y","sp",[-1,28,1,1]],
                        ["tile_x","sp",[-1,1,112,1]],["tile_rc","sp",[-1,1]],
                        ["tile_ry","sp",[-1,1]],["tile_rx","sp",[-1,1]],
                        ["auto_unroll_max_step","ot",0],["unroll_explicit","ot",0]])"),
            0);
  EXPECT_EQ(spilled("conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;"
                    "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)",
                    "cuda -arch=sm_86",
                    R"([["tile_f","sp",[-1,2,4,2]],["tile_y","sp",[-1,1,7,1]],
                        ["tile_x","sp",[-1,1,1,1]],["tile_rc","sp",[-1,2,32]],
                        ["tile_ry","sp",[-1,1,3]],["tile_rx","sp",[-1,3,1]],
                        ["auto_unroll_max_step","ot",1500],["unroll_explicit","ot",1]])",
                    "tutorial/conv2d_no_batching"),
            0);
}

TEST(Cuda, AnArchitectureThatTheCompilerDoesNotKnowIsNamed) {
  const absl::StatusOr<std::string> code =
      FindTarget("cuda").value()->CompileLibrary({}, {.kind = "cuda", .mcpu = "sm_10"}, {});
  EXPECT_EQ(code.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(code.status().message(), HasSubstr("NVRTC"));
}

}  // namespace
}  // namespace tilewright
