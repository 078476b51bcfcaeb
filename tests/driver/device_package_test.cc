// Graphs compiled to packages for OpenCL, run on this machine's device and compared with the
// interpreter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/error.h"
#include "tests/driver/loaded_package.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;
using testing::HasSubstr;

CompileModelOptions OpenCl() { return {.target = {.kind = "opencl"}}; }

void ExpectAgreesOnTheDevice(const Graph& graph) {
  LoadedPackage loaded(Compile(graph, OpenCl()));
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph, 9), loaded.Run(9)), 1e-4);
}

TEST(DevicePackage, RunsConvolutionsOfEveryKind) {
  GraphBuilder b;
  ValueId x = b.Input("data", {1, 3, 13, 11});
  x = b.Relu(b.BatchNorm(b.Conv("stem", x, {.channels = 32, .kernel = 3, .pad = 1})));
  const ValueId y = b.Relu(b.Conv("pointwise", x, {.channels = 32}));
  x = b.Add(b.Conv("depthwise", y, {.channels = 32, .kernel = 3, .pad = 1, .groups = 32}), x);
  x = b.Conv("grouped", x, {.channels = 12, .kernel = 3, .pad = 1, .groups = 4});
  x = b.ConvTranspose("up", x, {.channels = 5, .kernel = 3});
  ExpectAgreesOnTheDevice(b.Finish({b.Bias(x)}));
}

// Constant weights are transformed when the package is made, whatever the device.
TEST(DevicePackage, RunsWinogradInThreeCalls) {
  GraphBuilder b;
  ValueId x = b.Input("data", {1, 32, 16, 16});
  x = b.Relu(b.Conv("conv", x, {.channels = 24, .kernel = 3, .pad = 1}));
  const Graph graph = b.Finish({x});
  EXPECT_EQ(Compile(graph, OpenCl()).plans[0].calls.size(), 3u);
  CompileModelOptions exact = OpenCl();
  exact.exact = true;
  EXPECT_EQ(Compile(graph, exact).plans[0].calls.size(), 1u);
  ExpectAgreesOnTheDevice(graph);
}

TEST(DevicePackage, RunsWhatHasNoTemplate) {
  GraphBuilder b;
  const ValueId x = b.Input("data", {1, 8, 12, 12});
  const ValueId pooled = b.Concat(b.MaxPool(x, 2, 2), b.MaxPool(b.Pad(x, 0), 2, 2));
  const ValueId moved = b.Transpose(pooled, {0, 2, 3, 1});
  const ValueId largest = b.ReduceLast("max", Reducer::kMax, moved);
  const ValueId flat = b.Reshape(b.GlobalAveragePool(pooled), {1, 16});
  ExpectAgreesOnTheDevice(b.Finish({largest, b.Dense("classifier", flat, 10), x}));
}

// Every access is checked; the orders are of seed 4.
TEST(DevicePackage, RunsInTheEmulator) {
  GraphBuilder b;
  ValueId x = b.Input("data", {1, 3, 8, 7});
  x = b.Relu(b.Conv("stem", x, {.channels = 8, .kernel = 3, .pad = 1}));
  x = b.Reshape(b.MaxPool(x, 2, 2), {1, 96});
  const Graph graph = b.Finish({b.Dense("classifier", x, 10)});
  LoadedPackage loaded(Compile(graph, {.target = {.kind = "emu"}}), "emu:4");
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
}

// Depths that four blocks share: of the first layer the last block adds the parts and goes on with
// the epilogue, of the second each adds its own to the output.
absl::StatusOr<std::optional<BestConfig>> SplitDepth(const Workload& workload, const Target&) {
  const bool first = workload.inputs[0].shape[1] == 56;
  const char* entities = first ? R"([["tile_x","sp",[3,1,2,1]],["tile_y","sp",[5,1,4,1]],
                                     ["tile_k","sp",[4,7,2]]])"
                               : R"([["tile_x","sp",[3,1,2,1]],["tile_y","sp",[3,1,4,1]],
                                     ["tile_k","sp",[4,5,1]],["atomics","ot",1]])";
  return BestConfig{.template_name = "dense_split.gpu",
                    .config = ParseEntitiesJson(entities).value()};
}

// What a run leaves, counters of blocks and sums, does not show in the next one, whose launches are
// the ones that were recorded.
TEST(DevicePackage, RunsSplitDepthsAgainAndAgain) {
  GraphBuilder b;
  const ValueId hidden = b.Relu(b.Dense("hidden", b.Input("data", {6, 56}), 20));
  const Graph graph = b.Finish({b.Dense("classifier", hidden, 12)});
  for (const auto& [kind, device] : {std::pair{"emu", "emu:4"}, {"opencl", "opencl:0"}}) {
    SCOPED_TRACE(device);
    const CompiledModel compiled =
        Compile(graph, {.target = ParseTarget(kind).value(), .lookup = SplitDepth});
    ASSERT_EQ(compiled.plans[0].calls.size(), 3u);
    LoadedPackage loaded(compiled, device);
    for (const uint64_t seed : {7u, 9u, 7u, 8u}) {
      EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph, seed), loaded.Run(seed)),
                1e-4)
          << seed;
    }
  }
}

std::string ErrorOf(const CompiledModel& compiled, const std::string& device) {
  try {
    LoadedPackage(compiled, device);
    return "it loaded";
  } catch (const runtime::Error& error) {
    return error.what();
  }
}

TEST(DevicePackage, IsRefusedByOtherDevices) {
  GraphBuilder b;
  const CompiledModel compiled = Compile(b.Finish({b.Relu(b.Input("x", {4}))}), OpenCl());
  EXPECT_THAT(ErrorOf(compiled, "cpu"), HasSubstr("for opencl, not for cpu"));
  EXPECT_THAT(ErrorOf(compiled, "cuda:0"), HasSubstr("for opencl, not for cuda:0"));
  EXPECT_THAT(ErrorOf(compiled, "opencl:99"), HasSubstr("no device opencl:99"));
}

TEST(DevicePackage, NamesAKernelThatItLacks) {
  GraphBuilder b;
  CompiledModel compiled = Compile(b.Finish({b.Relu(b.Input("x", {4}))}), OpenCl());
  compiled.plans[0].calls[0].kernel = "missing";
  EXPECT_THAT(ErrorOf(compiled, ""), HasSubstr("mod.cl has no kernel missing"));
}

TEST(DevicePackage, CannotBeAReference) {
  GraphBuilder b;
  CompileModelOptions options = OpenCl();
  options.reference = true;
  const auto compiled = CompileModel(b.Finish({b.Relu(b.Input("x", {4}))}), options);
  EXPECT_THAT(compiled.status().message(), HasSubstr("a reference is for a CPU"));
}

}  // namespace
}  // namespace tilewright
