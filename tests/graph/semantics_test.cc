// Every pass, alone and after those before it, leaves the meaning of random networks unchanged.
#include <gtest/gtest.h>

#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::ConvShape;
using graph_testing::GraphBuilder;

constexpr double kTolerance = 1e-5;

ValueId Softmax(GraphBuilder& b, ValueId logits) {
  const ValueId exponents =
      b.Unary("exp", logits, [](Expr e) { return Call("exp", {e}, DType::kF32); });
  const ValueId sum = b.ReduceLast("sum", Reducer::kSum, exponents);
  return b.Binary("div", exponents, sum,
                  [](Expr p, Expr q) { return tilewright::Binary(BinaryOp::kDiv, p, q); });
}

// A few random layers on top of each other, with branches that meet again.
Graph RandomNetwork(uint64_t seed) {
  GraphBuilder b(seed);
  Rng rng(seed + 1000);
  ValueId x = b.Input("x", {1, rng.Below(2) == 0 ? 3 : 16, 6, 6});
  std::vector<ValueId> same;  // values of x's shape
  const int layers = 4 + static_cast<int>(rng.Below(6));
  for (int i = 0; i < layers; ++i) {
    const Shape before = b.ShapeOf(x);
    const bool small = before[2] < 4;
    switch (rng.Below(9)) {
      case 0:
      case 1: {
        const int64_t channels[] = {8, 16, 24, 32, 40};
        x = b.Conv("conv", x, {.channels = channels[rng.Below(5)], .kernel = 3, .pad = 1});
        break;
      }
      case 2: x = b.BatchNorm(x); break;
      case 3: x = b.Relu(x); break;
      case 4:
        if (!same.empty()) x = b.Add(x, same[rng.Below(same.size())]);
        break;
      case 5: x = b.Concat(x, b.Relu(x)); break;
      case 6: x = small ? b.Bias(x) : b.MaxPool(x, 2, 2); break;
      case 7:
        x = b.Conv("depthwise", small ? x : b.Pad(x, 1),
                   {.channels = before[1], .kernel = small ? 1 : 3, .groups = before[1]});
        break;
      case 8: x = b.Unary("tanh", x, [](Expr e) { return Call("tanh", {e}, DType::kF32); }); break;
    }
    if (b.ShapeOf(x) != before) same.clear();
    same.push_back(x);
  }
  const int64_t channels = b.ShapeOf(x)[1];
  const ValueId pooled = b.Reshape(b.GlobalAveragePool(x), {1, channels});
  const ValueId logits = b.Bias(b.Dense("dense", pooled, 20));
  return b.Finish({Softmax(b, logits), x});
}

class Semantics : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Semantics, EveryPassInOrderKeepsTheOutputs) {
  SCOPED_TRACE(GetParam());
  Graph graph = RandomNetwork(GetParam());
  const std::vector<Tensor> expected = graph_testing::Evaluate(graph);
  for (const PassInfo& pass : Passes()) {
    const std::string before = Print(graph);
    graph_testing::RunPass(pass.name, &graph);
    ASSERT_LT(graph_testing::LargestError(expected, graph_testing::Evaluate(graph)), kTolerance)
        << pass.name << "\n"
        << before << "\nbecame\n"
        << Print(graph);
  }
}

TEST_P(Semantics, EveryPassAloneKeepsTheOutputs) {
  SCOPED_TRACE(GetParam());
  const Graph graph = RandomNetwork(GetParam());
  const std::vector<Tensor> expected = graph_testing::Evaluate(graph);
  for (const PassInfo& pass : Passes()) {
    Graph changed = graph;
    graph_testing::RunPass(pass.name, &changed);
    ASSERT_LT(graph_testing::LargestError(expected, graph_testing::Evaluate(changed)), kTolerance)
        << pass.name << "\n"
        << Print(changed);
  }
}

TEST_P(Semantics, AnyPassCanBeSwitchedOff) {
  const Graph graph = RandomNetwork(GetParam());
  const std::vector<Tensor> expected = graph_testing::Evaluate(graph);
  const PassInfo& off = Passes()[GetParam() % Passes().size()];
  Graph changed = graph;
  PipelineOptions options;
  options.disabled = {off.name};
  const absl::Status status = RunPasses(changed, graph_testing::ContextFor(), options);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_LT(graph_testing::LargestError(expected, graph_testing::Evaluate(changed)), kTolerance)
      << "without " << off.name;
}

TEST_P(Semantics, RunningThePassesTwiceChangesNothingMore) {
  Graph graph = RandomNetwork(GetParam());
  const PassContext context = graph_testing::ContextFor();
  ASSERT_TRUE(RunPasses(graph, context, {}).ok());
  const std::vector<Tensor> expected = graph_testing::Evaluate(graph);
  const size_t nodes = graph.nodes.size();
  ASSERT_TRUE(RunPasses(graph, context, {}).ok());
  EXPECT_LE(graph.nodes.size(), nodes);
  EXPECT_LT(graph_testing::LargestError(expected, graph_testing::Evaluate(graph)), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Semantics, ::testing::Range<uint64_t>(1, 10));

}  // namespace
}  // namespace tilewright
