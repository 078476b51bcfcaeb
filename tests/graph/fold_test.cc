// Passes that evaluate and fold constants: what they fold, and what they leave alone.
#include <gtest/gtest.h>

#include "tests/graph/expect_same_after.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::Evaluate;
using graph_testing::ExpectSameAfter;
using graph_testing::GraphBuilder;
using graph_testing::LargestError;
using graph_testing::Ops;
using graph_testing::RunPass;

TEST(EliminateDeadNodes, ErasesWhatNoOutputNeedsAndFreesItsConstants) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 4, 4, 4});
  b.Bias(b.Relu(x));
  Graph graph = b.Finish({b.Relu(x)});
  RunPass("eliminate_dead_nodes", &graph);
  EXPECT_EQ(Ops(graph), "relu");
  for (const Value& value : graph.values) EXPECT_TRUE(value.constant.empty()) << value.name;
}

TEST(EliminateDeadNodes, ReadsThroughCopies) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 3});
  const ValueId copy = b.Unary("identity", b.Relu(x), [](Expr e) { return e; });
  ExpectSameAfter("eliminate_dead_nodes", b.Finish({b.Relu(copy), copy}), "relu relu");
}

TEST(FoldConstants, EvaluatesNodesOfConstants) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 3});
  const ValueId weight = b.Transpose(b.Constant("w", {3, 2}), {1, 0});
  Graph graph = b.Finish({b.Add(x, b.Relu(weight)), weight});
  ExpectSameAfter("fold_constants", graph, "add");
}

TEST(FoldConstants, TurnsScalarsIntoLiterals) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {4});
  Graph graph = b.Finish({b.Binary("pow", x, b.Scalar("two", 2), [](Expr base, Expr exponent) {
    return Call("pow", {base, exponent}, DType::kF32);
  })});
  RunPass("fold_constants", &graph);
  EXPECT_EQ(Print(graph), R"(graph test
  input %x: float32[4]
  %pow = pow(%x): float32[4]
    pow: out[a0 in 0..4]: float32[4]
      body in0[a0] * in0[a0]
  output y0 = %pow
)");
}

TEST(FoldBatchNorm, ScalesTheWeightsAndAddsABias) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 6, 6});
  ExpectSameAfter("fold_batch_norm",
                  b.Finish({b.BatchNorm(b.Conv("conv", x, {.channels = 5, .kernel = 3}))}),
                  "conv2d+bias");
}

TEST(FoldBatchNorm, FoldsEveryAffineStepOfAChain) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 4, 6, 6});
  const ValueId conv = b.Conv("conv", x, {.channels = 4, .kernel = 3, .groups = 4});
  const ValueId scaled =
      b.Unary("scale", b.Bias(conv), [](Expr e) { return Float(3) - e * Float(2); });
  ExpectSameAfter("fold_batch_norm", b.Finish({b.BatchNorm(scaled)}), "depthwise_conv2d+bias");
}

TEST(FoldBatchNorm, FoldsIntoTransposedConvolutionsOfAnyGroups) {
  for (const int64_t groups : {1, 3}) {
    GraphBuilder b;
    const ValueId conv =
        b.ConvTranspose("up", b.Input("x", {1, 6, 4, 5}),
                        {.channels = 12, .kernel = 3, .stride = 2, .pad = 1, .groups = groups});
    ExpectSameAfter("fold_batch_norm", b.Finish({b.BatchNorm(conv)}), "conv2d_transpose+bias");
  }
}

TEST(FoldBatchNorm, FoldsIntoDense) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 8});
  ExpectSameAfter("fold_batch_norm", b.Finish({b.BatchNorm(b.Bias(b.Dense("dense", x, 6)))}),
                  "dense+bias");
}

TEST(FoldBatchNorm, KeepsAConvolutionThatIsReadElsewhere) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 6, 6});
  const ValueId conv = b.Conv("conv", x, {.channels = 5});
  ExpectSameAfter("fold_batch_norm", b.Finish({b.BatchNorm(conv), b.Relu(conv)}),
                  "conv2d batch_norm relu");
}

TEST(FoldBatchNorm, CollectsConstantsWhereThereIsNothingToFoldInto) {
  GraphBuilder b;
  Graph graph = b.Finish({b.BatchNorm(b.Relu(b.Input("x", {1, 3, 6, 6})))});
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("fold_batch_norm", &graph);
  EXPECT_EQ(graph.nodes[1].inputs.size(), 3u);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
}

TEST(ConvertTransposed, TurnsTheWeightsOfStrideOne) {
  for (const auto& [kernel, pad] : {std::pair(3, 1), {3, 0}, {2, 1}, {1, 0}, {4, 2}}) {
    GraphBuilder b;
    const ValueId up = b.ConvTranspose("up", b.Input("x", {2, 6, 4, 5}),
                                       {.channels = 12, .kernel = kernel, .pad = pad});
    Graph graph = b.Finish({b.Bias(up)});
    ExpectSameAfter("convert_transposed", graph, "turn_weights conv2d bias_add");
    RunPass("convert_transposed", &graph);
    const int64_t reach = kernel - 1 - pad;
    EXPECT_EQ(graph.nodes[1].workload->Attr("padding"), Shape(4, reach));
  }
}

TEST(ConvertTransposed, LeavesStridesGroupsAndPaddingBeyondTheWindow) {
  for (const graph_testing::ConvShape& shape :
       {graph_testing::ConvShape{.channels = 6, .kernel = 3, .stride = 2},
        {.channels = 6, .kernel = 3, .groups = 3},
        {.channels = 6, .kernel = 1, .pad = 1}}) {
    GraphBuilder b;
    const ValueId up = b.ConvTranspose("up", b.Input("x", {1, 6, 4, 5}), shape);
    ExpectSameAfter("convert_transposed", b.Finish({up}), "conv2d_transpose");
  }
}

TEST(FoldPads, ExtendsThePaddingOfEachConvolution) {
  GraphBuilder b;
  const ValueId x = b.Pad(b.Input("x", {1, 4, 6, 6}), 2);
  const ValueId first = b.Conv("first", x, {.channels = 3, .kernel = 3, .pad = 1});
  const ValueId second = b.Conv("second", x, {.channels = 4, .kernel = 3, .groups = 4});
  Graph graph = b.Finish({first, second});
  ExpectSameAfter("fold_pads", graph, "conv2d depthwise_conv2d");
  RunPass("fold_pads", &graph);
  EXPECT_EQ(graph.nodes[0].workload->Attr("padding"), (std::vector<int64_t>{3, 3, 3, 3}));
}

TEST(FoldPads, LeavesPadsThatAreNotPlainZeros) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 4, 6, 6});
  const auto pad = [&](double value, int64_t first_row) {
    return b.Map("pad", {x}, {1, 4, 8, 6}, [&](const auto& a, const auto& in) {
      const Expr inside = And(Le(Int(first_row), a[2]), Lt(a[2], Int(7)));
      return Select(inside, Load(in[0], {a[0], a[1], a[2] - 1, a[3]}), Float(value));
    });
  };
  const ValueId ones = b.Conv("ones", pad(1, 1), {.channels = 3});
  const ValueId cut = b.Conv("cut", pad(0, 2), {.channels = 3});
  ExpectSameAfter("fold_pads", b.Finish({ones, cut}), "pad conv2d pad conv2d");
}

}  // namespace
}  // namespace tilewright
