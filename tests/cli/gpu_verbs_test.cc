// What the command can do for a GPU on a machine that has none. Nothing here needs a driver.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/operators/workload_rules.h"
#include "runtime/device/nvrtc.h"
#include "runtime/package.h"
#include "tests/cli/command_line.h"
#include "tests/runtime/fake_drivers.h"

namespace tilewright {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kFakes = TILEWRIGHT_BIN_DIR "/../fakes/";

// The first layer of the zoo's mlp in AutoTVM's words, tuned on a model of device.
std::string RowOf(const CommandLine& command, const std::string& device) {
  const CommandResult tasks = command.Run("tasks mlp.onnx --target 'cuda -arch=sm_75' --json");
  EXPECT_EQ(tasks.exit_code, 0) << tasks.err;
  const Workload layer =
      ParseWorkload(json::parse(tasks.out)[0]["workload"].get<std::string>()).value();
  const auto tensor = [](const TensorType& type) {
    return json{"TENSOR", type.shape, std::string(NameOf(type.dtype))};
  };
  const json ones = {-1, 1, 1, 1};
  const json config = {
      {"tile_x", "sp", ones}, {"tile_y", "sp", ones}, {"tile_k", "sp", {-1, 2, 1}}};
  const json row = {{"input",
                     {"cuda -keys=cuda,gpu -model=" + device,
                      "dense_large_batch.cuda",
                      {tensor(layer.inputs[0]), tensor(layer.inputs[1]), nullptr, "float32"},
                      json::object()}},
                    {"config", {{"index", 0}, {"code_hash", nullptr}, {"entity", config}}},
                    {"result", {{1e-5}, 0, 1.5, 1.5e9}},
                    {"version", 0.2},
                    {"tvm_version", "0.8.dev0"}};
  return row.dump() + "\n";
}

class GpuVerbs : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(command_.Run("zoo mlp -o mlp.onnx").exit_code, 0);
    WriteAll(command_ / "tophub.log", RowOf(command_, "1080ti"));
  }
  CommandLine command_;
};

TEST_F(GpuVerbs, ExplainNamesTheDeviceThatALayersRecordIsOf) {
  const CommandResult result =
      command_.Run("explain mlp.onnx --target 'cuda -arch=sm_61' --records tophub.log");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("record (fallback, measured on 1080ti): 0.0100 ms, "
                                    "dense_large_batch.gpu {tile_x: [-1, 1, 1, 1]"));
}

TEST_F(GpuVerbs, CompileUsesAnotherDevicesRecordAndSaysSo) {
  const CommandResult result = command_.Run(
      "compile mlp.onnx --target 'cuda -arch=sm_75 -model=1080ti' --records tophub.log -o mlp.tar");
  if (!runtime::HasNvrtc()) {
    EXPECT_EQ(result.exit_code, 4) << result.err;
    EXPECT_THAT(result.err, HasSubstr("NVRTC"));
    return;
  }
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("fallback, measured on 1080ti"));
  EXPECT_THAT(result.err, HasSubstr("2 workloads have no record"));
}

// CUDA 13 dropped what came before sm_75; without NVRTC that is what is missing.
TEST_F(GpuVerbs, AnArchitectureThatNvrtcDoesNotKnowIsNamedWithWhatWorks) {
  const CommandResult result =
      command_.Run("compile mlp.onnx --target 'cuda -arch=sm_10' --records none -o mlp.tar");
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("NVRTC"));
  if (runtime::HasNvrtc()) {
    EXPECT_THAT(result.err, HasSubstr("-model=MODEL"));
  }
  EXPECT_FALSE(std::filesystem::exists(command_ / "mlp.tar"));
}

TEST_F(GpuVerbs, TuneWithoutTheDeviceSaysWhatIsMissingAndWhatWorks) {
  const CommandResult result =
      command_.Run("tune mlp.onnx --target 'cuda -arch=sm_90' --device cuda:99 --trials 1");
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("needs a device of this machine"));
  EXPECT_THAT(result.err, HasSubstr("tilewright compile --target 'cuda -arch=sm_90'"));
  EXPECT_THAT(result.err, HasSubstr("tilewright submit"));
}

// Whether or not this machine has a GPU: a driver in the place of its own finds none.
TEST_F(GpuVerbs, TuneForCudaWithoutAGpuSaysWhatIsMissingAndWhatWorks) {
  const FakeLibraries fakes(kFakes + "cuda");
  PlanCuda("cuInit=100");
  const CommandResult result = command_.Run("tune mlp.onnx --target cuda");
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("the CUDA driver finds no device"),
                    HasSubstr("tilewright compile --target 'cuda"),
                    HasSubstr("tilewright submit or tune, with --server HOST:PORT --key KEY")));
}

// Its machine code runs on that generation alone.
TEST_F(GpuVerbs, CompileWithoutAGpuSaysWhichArchitectureItAssumes) {
  const FakeLibraries fakes(kFakes + "cuda");
  PlanCuda("cuInit=100");
  const std::string assumed = "compiles for sm_75, the oldest architecture";
  const auto errors = [this](const std::string& target) {
    return command_.Run("compile mlp.onnx --records none -o mlp.tar --target '" + target + "'").err;
  };
  EXPECT_THAT(errors("cuda"), AllOf(HasSubstr(assumed), HasSubstr("finds no device"),
                                    HasSubstr("--target 'cuda -arch=sm_90'")));
  EXPECT_THAT(errors("cuda -arch=native"), HasSubstr(assumed));
  EXPECT_THAT(errors("cuda -arch=sm_75"), Not(HasSubstr(assumed)));
  EXPECT_THAT(errors("cuda -model=t4"), Not(HasSubstr(assumed)));
  EXPECT_THAT(errors("cuda -model=t44"),
              AllOf(HasSubstr(assumed), HasSubstr("because -model=t44 is not known and there is no "
                                                  "device here to ask")));
  PlanCuda("");
  EXPECT_THAT(errors("cuda"), Not(HasSubstr(assumed)));
}

TEST_F(GpuVerbs, TargetsNamesTheDeviceAndTheOldCompiler) {
  const FakeLibraries fakes(kFakes + "cuda:" + kFakes + "nvrtc12");
  PlanCuda("");
  EXPECT_THAT(command_.Run("targets").out,
              HasSubstr("Fake GPU (sm_90, driver CUDA 13.0); NVRTC 12.0 compiles for sm_50 sm_90"));
}

TEST_F(GpuVerbs, TargetsNamesLibrariesThatAreTooOld) {
  const FakeLibraries fakes(kFakes + "old");
  EXPECT_THAT(command_.Run("targets").out,
              AllOf(HasSubstr("CUDA driver (libcuda.so.1) is too old: it has no function cuInit"),
                    HasSubstr("is too old: it has no function nvrtcVersion")));
}

TEST_F(GpuVerbs, ACompilerThatIsOlderThanTheArchitectureIsNamed) {
  const FakeLibraries fakes(kFakes + "nvrtc12");
  const CommandResult result =
      command_.Run("compile mlp.onnx --target 'cuda -arch=sm_120' --records none -o mlp.tar");
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("NVRTC 12.0 does not compile for sm_120; it knows sm_50, sm_90"));
}

// y = 2 x by the fake driver's one kernel.
std::string CudaPackage(const std::string& code) {
  ExecutionPlan plan;
  plan.tensors = {{"x", "float32", "input", {2}, 0}, {"y", "float32", "output", {2}, 0}};
  plan.inputs = {0};
  plan.outputs = {1};
  plan.calls = {{.kernel = "twice", .label = "twice", .args = {0, 1}, .block = {2, 1, 1}}};
  return WritePackage(
      {.model = "m", .target = "cuda -arch=sm_90", .created_by = "", .device = "cuda"}, {plan}, "",
      code);
}

struct DriverFault {
  const char *calls, *code;
  int exit_code;
  const char* said;
};

TEST(CudaPackage, RunsOrSaysWhatTheDriverLacks) {
  const CommandLine command;
  const FakeLibraries fakes(kFakes + "cuda");
  for (const DriverFault& fault : {DriverFault{"", "fake", 0, ""},
                                   {"cuInit=100", "fake", 4, "the CUDA driver finds no device"},
                                   {"cuInit=34", "fake", 4, "the toolkit's stub"},
                                   {"",
                                    "\x7f"
                                    "ELF",
                                    3, "the kernels are not for this device, Fake GPU (sm_90)"},
                                   {"cuMemAlloc_v2=2", "fake", 1, "CUDA cannot allocate"},
                                   {"cuMemcpyDtoH_v2=700", "fake", 4, "error 700"}}) {
    PlanCuda(fault.calls);
    WriteAll(command / "m.tar", CudaPackage(fault.code));
    const CommandResult result = command.Run("run m.tar --fill ones");
    EXPECT_EQ(result.exit_code, fault.exit_code) << fault.calls << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr(fault.said));
  }
}

TEST(CudaPackage, IsNotBlamedForADeviceThatThereCannotBe) {
  const CommandLine command;
  WriteAll(command / "m.tar", CudaPackage("fake"));
  const auto said = [&](const std::string& device) {
    const CommandResult result = command.Run("run m.tar --fill ones --device " + device);
    EXPECT_NE(result.exit_code, 0);
    return result.err;
  };
  EXPECT_THAT(said("gpu"), HasSubstr("unknown device \"gpu\"; known: cpu, and of cuda"));
  EXPECT_THAT(said("opencl:x"), HasSubstr("\"opencl:x\" has no number after its colon"));
  EXPECT_THAT(said("opencl:0"), HasSubstr("the package is for cuda -arch=sm_90, not for opencl:0"));
  EXPECT_THAT(said("cpu"), HasSubstr("the package is for cuda -arch=sm_90, not for cpu"));
}

TEST_F(GpuVerbs, ImportEndsWithATableOfEveryRow) {
  WriteAll(command_ / "tophub.log", ReadAll(command_ / "tophub.log") + "{\n");
  const CommandResult result = command_.Run("records import tophub.log");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 imported, 0 duplicates, 1 refused"));
  EXPECT_THAT(result.err, testing::ContainsRegex("1 +(taken|re-indexed) +dense_large_batch.gpu"));
  EXPECT_THAT(result.err, testing::ContainsRegex("1 +refused +- +no JSON"));
}

TEST_F(GpuVerbs, ATopHubPackageIsImportedAndExportedAgain) {
  ASSERT_EQ(command_.Run("records import tophub.log").exit_code, 0);
  const CommandResult result = command_.Run("records export --tophub cuda -o -");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 rows exported"));
  const std::string row = result.out.substr(result.out.find('\n') + 1);
  EXPECT_EQ(json::parse(row)["input"][1], "dense_large_batch.gpu");
  EXPECT_EQ(json::parse(row)["input"][2], json::parse(RowOf(command_, "1080ti"))["input"][2]);
}

}  // namespace
}  // namespace tilewright
