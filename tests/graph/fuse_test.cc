// Fusion passes: what joins, and what must stay apart.
#include <gtest/gtest.h>

#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::Evaluate;
using graph_testing::GraphBuilder;
using graph_testing::LargestError;
using graph_testing::Ops;
using graph_testing::RunPass;

void ExpectSameAfter(const std::string& pass, Graph graph, const std::string& ops) {
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass(pass, &graph);
  EXPECT_EQ(Ops(graph), ops) << Print(graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
}

Expr Exp(Expr e) { return Call("exp", {e}, DType::kF32); }
Expr Sigmoid(Expr x) {
  return tilewright::Binary(BinaryOp::kDiv, Float(1),
                            Float(1) + Exp(Call("neg", {x}, DType::kF32)));
}

TEST(SinkReshapes, LetsTheMapsAfterAMatrixProductReachIt) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 6, 8});
  const ValueId product = b.Dense("dense", b.Reshape(x, {6, 8}), 8);
  const ValueId bias = b.Constant("bias", {8});
  const ValueId sum = b.Add(b.Add(b.Reshape(product, {1, 6, 8}), bias), x);
  Graph graph = b.Finish({b.Relu(sum)});
  ExpectSameAfter("sink_reshapes", graph, "reshape dense add reshape add relu reshape");
  RunPass("sink_reshapes", &graph);
  RunPass("fold_batch_norm", &graph);
  ExpectSameAfter("fuse_epilogues", graph, "reshape reshape dense+bias+add+relu reshape");
}

TEST(SinkReshapes, JoinsTheReshapesBetweenConvolutionsOverOneDimension) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 1, 20});
  const ValueId first = b.Bias(b.Conv("first", x, {.channels = 8}));
  const ValueId row = b.Relu(b.Reshape(first, {1, 8, 20}));
  const ValueId second = b.Conv("second", b.Reshape(row, {1, 8, 1, 20}), {.channels = 4});
  Graph graph = b.Finish({second});
  ExpectSameAfter("sink_reshapes", graph, "conv2d bias_add relu conv2d");
}

TEST(SinkReshapes, StopsWhereSeveralReadTheReshape) {
  GraphBuilder b;
  const ValueId product = b.Dense("dense", b.Input("x", {6, 8}), 8);
  const ValueId shaped = b.Reshape(product, {2, 3, 8});
  ExpectSameAfter("sink_reshapes", b.Finish({b.Relu(shaped), shaped}), "dense reshape relu");
}

TEST(FuseEpilogues, TakesBiasResidualAndActivation) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 5, 5});
  const ValueId conv = b.Bias(b.Conv("conv", x, {.channels = 8, .kernel = 3, .pad = 1}));
  ExpectSameAfter("fuse_epilogues", b.Finish({b.Relu(b.Add(x, conv))}), "conv2d+bias+add+relu");
}

TEST(FuseEpilogues, OfTwoConvolutionsAddedTheLaterTakesTheOther) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 5, 5});
  const ValueId left = b.Conv("left", x, {.channels = 8});
  const ValueId right = b.Conv("right", x, {.channels = 8, .kernel = 3, .pad = 1});
  Graph graph = b.Finish({b.Add(right, left)});
  ExpectSameAfter("fuse_epilogues", graph, "conv2d conv2d+add");
  RunPass("fuse_epilogues", &graph);
  EXPECT_EQ(graph.nodes[1].name, "right");
}

TEST(FuseEpilogues, RecognisesSigmoidTanhAndClip) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 8});
  const ValueId sigmoid = b.Unary("sigmoid", b.Dense("first", x, 4), Sigmoid);
  const ValueId clip = b.Unary("clip", b.Dense("second", sigmoid, 4),
                               [](Expr e) { return Min(Max(e, Float(-0.5)), Float(0.25)); });
  const ValueId tanh = b.Unary("tanh", b.Dense("third", clip, 4),
                               [](Expr e) { return Call("tanh", {e}, DType::kF32); });
  ExpectSameAfter("fuse_epilogues", b.Finish({tanh}),
                  "dense+sigmoid dense+clip(-0.5,0.25) dense+tanh");
}

TEST(FuseEpilogues, LeavesWhatOthersRead) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 8, 5, 5}), {.channels = 8});
  ExpectSameAfter("fuse_epilogues", b.Finish({b.Relu(conv), conv}), "conv2d relu");
}

TEST(FuseEpilogues, LeavesMapsThatUseTheOutputTwice) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 8, 5, 5}), {.channels = 8});
  const ValueId swish = b.Unary("swish", conv, [](Expr e) { return e * Sigmoid(e); });
  ExpectSameAfter("fuse_epilogues", b.Finish({swish}), "conv2d swish");
}

TEST(FuseEpilogues, LeavesAnOutputAddedToItself) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 8, 5, 5}), {.channels = 8});
  ExpectSameAfter("fuse_epilogues", b.Finish({b.Add(conv, conv)}), "conv2d add");
}

TEST(FuseElementwise, JoinsChainsOfMaps) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 8});
  const ValueId y = b.Unary("exp", b.Relu(b.Bias(x)), Exp);
  ExpectSameAfter("fuse_elementwise", b.Finish({b.Add(y, x)}), "bias_add_relu_exp_add");
}

TEST(FuseElementwise, PutsMapsBehindAReductionIntoItsResult) {
  GraphBuilder b;
  const ValueId sum = b.ReduceLast("sum", Reducer::kSum, b.Relu(b.Input("x", {4, 16})));
  ExpectSameAfter("fuse_elementwise", b.Finish({b.Unary("exp", sum, Exp)}), "relu_sum_exp");
}

TEST(FuseElementwise, NeverRepeatsExpensiveWork) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 4, 9, 9});
  const ValueId overlapping = b.MaxPool(b.Unary("exp", x, Exp), 3, 2);
  const ValueId cheap = b.MaxPool(b.Relu(x), 3, 2);
  ExpectSameAfter("fuse_elementwise", b.Finish({overlapping, cheap}), "exp max_pool relu_max_pool");
}

TEST(FuseElementwise, KeepsProducersOfSeveralReaders) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 8});
  const ValueId y = b.Unary("exp", x, Exp);
  ExpectSameAfter("fuse_elementwise", b.Finish({b.Relu(y), b.Bias(y)}), "exp relu bias_add");
}

TEST(FuseElementwise, MovesDataInTheReader) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 6, 8});
  const ValueId moved = b.Transpose(b.Reshape(x, {2, 6, 4, 2}), {0, 2, 1, 3});
  ExpectSameAfter("fuse_elementwise", b.Finish({b.Relu(moved), b.Unary("exp", moved, Exp)}),
                  "relu exp");
}

TEST(FuseElementwise, LeavesReshapesThatCostNothing) {
  GraphBuilder b;
  const ValueId x = b.Relu(b.Input("x", {1, 6, 4, 2}));
  const ValueId dense = b.Dense("dense", b.Reshape(x, {1, 48}), 4);
  ExpectSameAfter("fuse_elementwise", b.Finish({dense}), "relu reshape dense");
}

}  // namespace
}  // namespace tilewright
