// A kind of device is one file: toy.cc is in this program's catalogue, and nothing else knows of
// it. It is compiled for, packed and run as any other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/core/gpu_traits.h"
#include "compiler/targets/target_backend.h"
#include "runtime/device/device.h"
#include "runtime/error.h"
#include "tests/driver/loaded_package.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;
using testing::HasSubstr;

TEST(DeviceKind, IsATargetByItsFileAlone) {
  const Target target = ParseTarget("toy").value();
  EXPECT_EQ(ToString(ResolveTarget(target).value()), "toy -arch=toy1");
  EXPECT_THAT(ResolveTarget(ParseTarget("toy -arch=toy9").value()).status().message(),
              HasSubstr("of the architecture toy1"));
  EXPECT_TRUE(IsGpu(target));
  EXPECT_EQ(GpuTraitsOf(target).limits.threads, 64);
  EXPECT_EQ(ArchitectureNumber(target), 0);
  EXPECT_THAT(ParseTarget("top").status().message(),
              HasSubstr("known: cpu (llvm), cuda, emu, opencl, toy"));
  EXPECT_EQ(FindTarget("toy").value()->Found(), "always");
}

TEST(DeviceKind, IsADeviceByItsFileAlone) {
  EXPECT_EQ(runtime::SurveyDevices("toy").devices.size(), 1u);
  EXPECT_EQ(runtime::OpenDevice("toy:0")->info().name, "toy");
  EXPECT_THROW(runtime::OpenDevice("toy:1"), runtime::Error);
}

TEST(DeviceKind, RunsAPackageByItsFileAlone) {
  GraphBuilder b;
  const ValueId x = b.Input("data", {1, 6, 9, 10});
  const ValueId pooled = b.Relu(b.MaxPool(x, 2, 2));
  const ValueId moved = b.Transpose(pooled, {0, 2, 3, 1});
  const Graph graph = b.Finish({b.ReduceLast("max", Reducer::kMax, moved), pooled});
  const auto compiled =
      CompileModel(graph, {.target = ResolveTarget(ParseTarget("toy").value()).value()});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(CodeMember("toy"), "mod.toy");
  LoadedPackage loaded(*compiled, "toy:0");
  EXPECT_EQ(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 0);
}

}  // namespace
}  // namespace tilewright
