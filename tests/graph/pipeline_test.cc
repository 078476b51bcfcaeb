// The pipeline's switches, verification, memory plan and extraction of workloads.
#include <gtest/gtest.h>

#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::ContextFor;
using graph_testing::GraphBuilder;

Graph Chain(int layers) {
  GraphBuilder b;
  ValueId x = b.Input("x", {1, 16, 8, 8});
  for (int i = 0; i < layers; ++i) {
    x = b.Relu(b.BatchNorm(b.Conv("conv", x, {.channels = 16, .kernel = 3, .pad = 1})));
  }
  return b.Finish({x});
}

TEST(Pipeline, ReportsEachPassThatRan) {
  Graph graph = Chain(1);
  std::vector<std::string> ran;
  PipelineOptions options;
  options.disabled = {"fold_batch_norm", "choose_layouts"};
  options.after_pass = [&](const PassInfo& pass, const Graph&, double seconds) {
    EXPECT_GE(seconds, 0);
    ran.push_back(pass.name);
  };
  ASSERT_TRUE(RunPasses(graph, ContextFor(), options).ok());
  EXPECT_EQ(ran.size(), Passes().size() - 2);
  EXPECT_EQ(std::count(ran.begin(), ran.end(), "fold_batch_norm"), 0);
}

TEST(Pipeline, NamesTheKnownPassesWhenOneIsUnknown) {
  Graph graph = Chain(1);
  PipelineOptions options;
  options.disabled = {"fold_everything"};
  const absl::Status status = RunPasses(graph, ContextFor(), options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_NE(message.find("fold_everything"), std::string::npos);
  EXPECT_NE(message.find("fold_batch_norm"), std::string::npos);
}

TEST(Pipeline, GivesEveryNodeOfAConvolutionalChainOneKernel) {
  Graph graph = Chain(3);
  ASSERT_TRUE(RunPasses(graph, ContextFor(), {}).ok());
  EXPECT_EQ(graph_testing::Ops(graph),
            "to_NCHW16c conv2d+bias+relu conv2d+bias+relu conv2d+bias+relu to_NCHW");
}

TEST(ExtractWorkloads, CountsEqualLayers) {
  Graph graph = Chain(3);
  ASSERT_TRUE(RunPasses(graph, ContextFor(), {}).ok());
  const std::vector<ExtractedWorkload> workloads = ExtractWorkloads(graph);
  ASSERT_EQ(workloads.size(), 1u);
  EXPECT_EQ(workloads[0].count, 3);
  EXPECT_EQ(workloads[0].nodes.size(), 3u);
  EXPECT_EQ(workloads[0].workload.Key(),
            "conv2d(float32[1,16,8,8],float32[16,16,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
            "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu");
}

TEST(PlanMemory, ReusesMemoryAlongAChain) {
  const MemoryPlan plan = PlanMemory(Chain(4));
  EXPECT_EQ(plan.arena_bytes, 2 * 16 * 8 * 8 * 4);
}

TEST(PlanMemory, KeepsValuesThatLiveTogetherApart) {
  GraphBuilder b;
  Rng rng(3);
  std::vector<ValueId> values = {b.Input("x", {1, 4, 4, 4})};
  for (int i = 0; i < 60; ++i) {
    const ValueId x = values[rng.Below(values.size())], y = values[rng.Below(values.size())];
    values.push_back(rng.Below(2) == 0 ? b.Concat(x, b.Relu(x)) : b.Relu(y));
    if (b.ShapeOf(values.back())[1] > 64) values.pop_back();
  }
  const Graph graph = b.Finish({values.back(), values[values.size() / 2]});
  const MemoryPlan plan = PlanMemory(graph);
  // By simulation: writing a value must not touch one that is read later.
  std::vector<int> last(graph.values.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId id : graph.nodes[i].inputs) last[id] = static_cast<int>(i);
  }
  const auto end = [&](ValueId id) {
    return plan.offsets.at(id) + NumBytes(graph.values[id].type);
  };
  for (const auto& [written, offset] : plan.offsets) {
    EXPECT_EQ(offset % 64, 0);
    EXPECT_LE(end(written), plan.arena_bytes);
    for (const auto& [kept, kept_offset] : plan.offsets) {
      const int made = graph.values[kept].producer, now = graph.values[written].producer;
      if (kept == written || made > now || last[kept] < now) continue;
      EXPECT_TRUE(end(written) <= kept_offset || end(kept) <= offset)
          << graph.values[written].name << " overwrites " << graph.values[kept].name;
    }
  }
}

TEST(PlanMemory, SharesTheMemoryOfReshapesForAsLongAsEitherLives) {
  GraphBuilder b;
  const ValueId x = b.Relu(b.Input("x", {4, 16}));
  const ValueId shaped = b.Reshape(x, {64});
  const ValueId other = b.Relu(b.Constant("c", {64}));
  const Graph graph = b.Finish({b.Add(b.Relu(shaped), b.Add(other, shaped))});
  const MemoryPlan plan = PlanMemory(graph);
  EXPECT_EQ(plan.offsets.at(x), plan.offsets.at(shaped));
  EXPECT_NE(plan.offsets.at(x), plan.offsets.at(other));
}

TEST(PlanMemory, GivesNoMemoryToWhatIsReshapedToAnOutput) {
  GraphBuilder b;
  const ValueId x = b.Relu(b.Input("x", {4, 16}));
  const ValueId made = b.Relu(x);
  const ValueId output = b.Reshape(made, {64});
  const Graph graph = b.Finish({output});
  const MemoryPlan plan = PlanMemory(graph);
  EXPECT_TRUE(plan.offsets.contains(x));
  EXPECT_FALSE(plan.offsets.contains(made));
  EXPECT_EQ(MemoryRoots(graph)[made], output);
}

TEST(Verify, NamesTheFirstViolation) {
  Graph graph = Chain(1);
  std::swap(graph.nodes[0], graph.nodes[1]);
  EXPECT_EQ(Verify(graph).code(), absl::StatusCode::kFailedPrecondition);
  graph = Chain(1);
  graph.values[graph.nodes[0].output].type.shape[1] = 17;
  EXPECT_NE(Verify(graph).message().find("conv"), absl::string_view::npos);
  graph = Chain(1);
  graph.values[1].name = graph.values[0].name;
  EXPECT_NE(Verify(graph).message().find("two values"), absl::string_view::npos);
}

TEST(Graph, MakesNamesUnique) {
  GraphBuilder b;
  const ValueId x = b.Input("relu", {2});
  const ValueId y = b.Relu(x);
  EXPECT_NE(b.graph().values[y].name, "relu");
  EXPECT_EQ(b.graph().nodes[0].name, b.graph().values[y].name);
}

}  // namespace
}  // namespace tilewright
