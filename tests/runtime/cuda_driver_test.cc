// CUDA's driver as it fails: a library in its place that fails as it is told (fake_cuda.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "runtime/device/device.h"
#include "runtime/device/launch_needs.h"
#include "runtime/error.h"
#include "runtime/model.h"
#include "tests/runtime/fake_drivers.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using runtime::Device;
using runtime::OpenDevice;
using testing::AllOf;
using testing::HasSubstr;

TEST(CudaDriver, TheToolkitsStubInItsPlaceIsNamed) {
  PlanCuda("cuInit=34");
  EXPECT_THAT(runtime::SurveyDevices("cuda").missing,
              AllOf(HasSubstr("no CUDA driver"), HasSubstr("stub"), HasSubstr("error 34")));
}

TEST(CudaDriver, WithoutADeviceSaysSo) {
  PlanCuda("cuInit=100");
  EXPECT_EQ(runtime::SurveyDevices("cuda").missing, "the CUDA driver finds no device");
}

TEST(CudaDriver, ThatDoesNotStartSaysItsError) {
  PlanCuda("cuInit=999");
  EXPECT_THAT(runtime::SurveyDevices("cuda").missing, HasSubstr("does not start: error 999"));
}

class WorkingCuda : public testing::Test {
 protected:
  void SetUp() override { PlanCuda(""); }
  // The code and text of what `action` throws.
  template <typename Action>
  static std::pair<tw_status, std::string> ErrorOf(const Action& action) {
    try {
      action();
    } catch (const runtime::Error& error) {
      return {error.code(), error.what()};
    }
    return {TW_OK, "it threw nothing"};
  }
};

TEST_F(WorkingCuda, DescribesItsDevice) {
  const runtime::DeviceSurvey survey = runtime::SurveyDevices("cuda");
  ASSERT_EQ(survey.devices.size(), 1u) << survey.missing;
  EXPECT_EQ(survey.devices[0].name, "Fake GPU");
  EXPECT_EQ(survey.devices[0].driver, "CUDA 13.0");
  EXPECT_EQ(survey.devices[0].arch, "sm_90");
  EXPECT_EQ(survey.devices[0].max_block[2], 64);
}

TEST_F(WorkingCuda, RunsAKernel) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const std::unique_ptr<runtime::DeviceModule> module = device->Load("fake");
  EXPECT_EQ(module->Find("missing"), nullptr);
  const std::unique_ptr<runtime::DeviceKernel> twice = module->Find("twice");
  const auto in = device->Allocate(8), out = device->Allocate(8);
  const float values[] = {3, 4};
  device->Upload(*in, values, sizeof(values));
  device->Launch(*twice, {in.get(), out.get()}, {1, 1, 1}, {2, 1, 1});
  float got[2] = {};
  device->Download(got, *out, sizeof(got));
  EXPECT_EQ(got[0], 6);
  EXPECT_EQ(got[1], 8);
}

// Users of a model may call it from another thread than they loaded it in.
TEST_F(WorkingCuda, ServesOneThreadAfterTheOther) {
  std::unique_ptr<Device> device;
  std::unique_ptr<runtime::DeviceModule> module;
  std::thread([&] {
    device = OpenDevice("cuda:0");
    module = device->Load("fake");
  }).join();
  std::unique_ptr<runtime::DeviceBuffer> in, out;
  std::unique_ptr<runtime::DeviceKernel> twice;
  std::thread([&] {
    const float value = 3;
    in = device->Allocate(4), out = device->Allocate(4);
    device->Upload(*in, &value, sizeof(value));
    twice = module->Find("twice");
  }).join();
  device->Launch(*twice, {in.get(), out.get()}, {1, 1, 1}, {1, 1, 1});
  device->Synchronize();
  float got = 0;
  std::thread([&] { device->Download(&got, *out, sizeof(got)); }).join();
  EXPECT_EQ(got, 6);
}

TEST_F(WorkingCuda, RunsRecordedLaunchesAgainAndAgain) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const std::unique_ptr<runtime::DeviceModule> module = device->Load("fake");
  const std::unique_ptr<runtime::DeviceKernel> twice = module->Find("twice");
  const auto a = device->Allocate(4), b = device->Allocate(4);
  const float start = 1;
  device->Upload(*a, &start, sizeof(start));
  const auto replay = device->Record([&] {
    device->Launch(*twice, {a.get(), b.get()}, {1, 1, 1}, {1, 1, 1});
    device->Launch(*twice, {b.get(), a.get()}, {1, 1, 1}, {1, 1, 1});
  });
  const auto value = [&] {
    float got = 0;
    device->Download(&got, *a, sizeof(got));
    return got;
  };
  EXPECT_EQ(value(), 1);
  replay->Start();
  EXPECT_EQ(value(), 4);
  replay->Start();
  EXPECT_EQ(value(), 16);
}

TEST_F(WorkingCuda, ALaunchThatCannotBeRecordedLeavesTheStreamUsable) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const auto twice = device->Load("fake")->Find("twice");
  const auto buffer = device->Allocate(4);
  const auto launch = [&] {
    device->Launch(*twice, {buffer.get(), buffer.get()}, {1, 1, 1}, {1, 1, 1});
  };
  PlanCuda("cuLaunchKernel=1");
  EXPECT_EQ(ErrorOf([&] { device->Record(launch); }).first, TW_INTERNAL);
  PlanCuda("");
  EXPECT_EQ(ErrorOf([&] { device->Record(launch)->Start(); }).first, TW_OK);
}

// A module says what its kernels' launches need beyond their operands.
TEST_F(WorkingCuda, GivesAKernelItsMemoryAndTensorMaps) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const std::unique_ptr<runtime::DeviceModule> module = device->Load("fake maps");
  const std::unique_ptr<runtime::DeviceKernel> twice = module->Find("twice");
  const auto in = device->Allocate(4), out = device->Allocate(4);
  const float value = 3;
  device->Upload(*in, &value, sizeof(value));
  device->Launch(*twice, {in.get(), out.get()}, {1, 1, 1}, {1, 1, 1});
  float got = 0;
  device->Download(&got, *out, sizeof(got));
  EXPECT_EQ(got, 6);
  PlanCuda("cuTensorMapEncodeTiled=1");
  const auto [code, text] =
      ErrorOf([&] { device->Launch(*twice, {in.get(), out.get()}, {1, 1, 1}, {1, 1, 1}); });
  EXPECT_EQ(code, TW_INTERNAL);
  EXPECT_THAT(text, HasSubstr("cannot encode a tensor map: error 1"));
}

TEST_F(WorkingCuda, ADriverThatDoesNotFindWhatAKernelNeedsIsNamed) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  using namespace std::string_literals;
  const auto module = device->Load("fake\0tw_needs_twice\0"s);
  const auto [code, text] = ErrorOf([&] { module->Find("twice"); });
  EXPECT_EQ(code, TW_INTERNAL);
  EXPECT_THAT(text, HasSubstr("cannot find what a kernel needs: error 500"));
}

// y = 4 x by two kernels.
std::string QuadruplePackage() {
  ExecutionPlan plan;
  plan.arena_bytes = 512;
  plan.tensors = {{"x", "float32", "input", {2}, 0},
                  {"doubled", "float32", "arena", {2}, 0},
                  {"y", "float32", "output", {2}, 0}};
  plan.inputs = {0};
  plan.outputs = {2};
  PlanCall call{.kernel = "twice", .label = "twice", .args = {0, 1}};
  call.block = {2, 1, 1};
  plan.calls = {call, call};
  plan.calls[1].args = {1, 2};
  Manifest manifest = TinyManifest();
  manifest.device = "cuda";
  return WritePackage(manifest, {plan}, "", "fake");
}

TEST_F(WorkingCuda, APackageLaunchesItsKernelsNoMoreOnceItsCallsAreRecorded) {
  const TemporaryFile package(QuadruplePackage());
  const std::unique_ptr<runtime::Model> model = runtime::OpenModel(package.path(), {});
  for (const float x : {1.0f, 2.0f, 3.0f, 4.0f}) {
    if (x == 3) PlanCuda("cuLaunchKernel=1");
    const float values[] = {x, -x};
    model->SetInput(0, values);
    model->Run();
    const auto* const y = reinterpret_cast<const float*>(model->outputs()[0].data);
    EXPECT_EQ(y[0], 4 * x);
    EXPECT_EQ(y[1], -4 * x);
  }
}

TEST(LaunchNeeds, OfADamagedModuleAreRefused) {
  const auto refused = [](const std::vector<int64_t>& words) {
    try {
      runtime::ReadLaunchNeeds(words);
    } catch (const runtime::Error& error) {
      return error.code() == TW_BAD_PACKAGE;
    }
    return false;
  };
  EXPECT_FALSE(refused({65536, 1, 0, 2, 2, 40, 64, 8, 64}));
  EXPECT_FALSE(refused({1024, 0}));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({65536, 1}));
  EXPECT_TRUE(refused({-1, 0}));
  EXPECT_TRUE(refused({65536, 9}));
  EXPECT_TRUE(refused({65536, 1, 0, 2, 6, 40, 64, 8, 64}));
  EXPECT_TRUE(refused({65536, 1, 0, 2, 2, 40, 64, 8, 257}));
  EXPECT_TRUE(refused({65536, 1, 0, 2, 2, 40, 0, 8, 64}));
  EXPECT_TRUE(refused({65536, 1, -1, 2, 2, 40, 64, 8, 64}));
  EXPECT_TRUE(refused({65536, 1, 0, 2, 2, 40, 64, 8, 64, 0}));
}

TEST_F(WorkingCuda, ANumberBeyondItsDevicesIsNamed) {
  const auto [code, text] = ErrorOf([] { OpenDevice("cuda:7"); });
  EXPECT_EQ(code, TW_UNAVAILABLE);
  EXPECT_THAT(text, HasSubstr("no device cuda:7; found 1"));
}

TEST_F(WorkingCuda, WithoutMemorySaysHowMuchWasWanted) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  PlanCuda("cuMemAlloc_v2=2");
  const auto [code, text] = ErrorOf([&] { device->Allocate(12345); });
  EXPECT_EQ(code, TW_INTERNAL);
  EXPECT_THAT(text, AllOf(HasSubstr("allocate 12345 bytes"), HasSubstr("error 2 (")));
}

TEST_F(WorkingCuda, CodeOfAnotherArchitectureNamesTheDevicesOwn) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const auto [code, text] = ErrorOf([&] {
    device->Load(
        "\x7f"
        "ELF of sm_120");
  });
  EXPECT_EQ(code, TW_BAD_PACKAGE);
  EXPECT_THAT(text, AllOf(HasSubstr("not for this device, Fake GPU (sm_90)"),
                          HasSubstr("cuda -arch=sm_90")));
}

// Drivers may load a module's code as late as its first kernel is asked for.
TEST_F(WorkingCuda, CodeOfANewerToolkitNamesTheDriver) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const std::unique_ptr<runtime::DeviceModule> module = device->Load("fake");
  for (const char* call :
       {"cuModuleLoadData=200", "cuModuleLoadData=222", "cuModuleGetFunction=218"}) {
    PlanCuda(call);
    const auto [code, text] = ErrorOf([&] {
      device->Load("fake");
      module->Find("twice");
    });
    EXPECT_EQ(code, TW_BAD_PACKAGE) << call;
    EXPECT_THAT(text, AllOf(HasSubstr("Fake GPU, CUDA 13.0"), HasSubstr("newer than the driver")));
  }
}

// After these the context is of no use, which who holds the device must know.
TEST_F(WorkingCuda, AFaultOfAKernelLeavesTheDeviceUnavailable) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  for (const char* sticky : {"46", "214", "220", "226", "700", "702", "709", "710", "714", "715",
                             "716", "717", "718", "719", "721", "911"}) {
    PlanCuda(std::string("cuCtxSynchronize=") + sticky);
    const auto [code, text] = ErrorOf([&] { device->Synchronize(); });
    EXPECT_EQ(code, TW_UNAVAILABLE) << sticky;
    EXPECT_THAT(text, HasSubstr(std::string("error ") + sticky));
  }
}

TEST_F(WorkingCuda, ALaunchThatAsksForTooMuchLeavesTheDeviceUsable) {
  const std::unique_ptr<Device> device = OpenDevice("cuda:0");
  const auto twice = device->Load("fake")->Find("twice");
  const auto buffer = device->Allocate(8);
  PlanCuda("cuLaunchKernel=701");
  const auto [code, text] =
      ErrorOf([&] { device->Launch(*twice, {buffer.get(), buffer.get()}, {1, 1, 1}, {2, 1, 1}); });
  EXPECT_EQ(code, TW_INTERNAL);
  EXPECT_THAT(text, HasSubstr("start a kernel: error 701"));
}

}  // namespace
}  // namespace tilewright
