// Fusion passes: what joins, and what must stay apart.
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/graph/rewrite.h"
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

Expr Exp(Expr e) { return Call("exp", {e}, DType::kF32); }
Expr Sigmoid(Expr x) {
  return tilewright::Binary(BinaryOp::kDiv, Float(1),
                            Float(1) + Exp(Call("neg", {x}, DType::kF32)));
}

Expr Product(Expr p, Expr q) { return p * q; }

// x / 2 * (1 + erf(x / sqrt(2))) in four nodes.
ValueId Gelu(GraphBuilder& b, ValueId x) {
  const ValueId scaled = b.Unary("scale", x, [](Expr e) { return e * Float(0.70710678); });
  const ValueId gate =
      b.Unary("erf", scaled, [](Expr e) { return Call("erf", {e}, DType::kF32) + Float(1); });
  return b.Binary("mul", b.Unary("half", x, [](Expr e) { return e * Float(0.5); }), gate, Product);
}

TEST(JoinBranches, MakesOneMapOfAnActivationInSeveralNodes) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 5, 5});
  const ValueId silu = b.Binary("mul", x, b.Unary("sigmoid", x, Sigmoid), Product);
  ExpectSameAfter("join_branches", b.Finish({Gelu(b, silu), b.Relu(x)}),
                  "sigmoid_mul scale_erf_half_mul relu");
}

TEST(JoinBranches, LetsReshapesAndEpiloguesTakeThem) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {6, 8});
  const ValueId first =
      b.Add(b.Reshape(b.Dense("first", x, 4), {2, 3, 4}), b.Constant("bias", {4}));
  const ValueId second = b.Dense("second", b.Reshape(Gelu(b, first), {6, 4}), 4);
  Graph graph = b.Finish({b.Binary("mul", second, b.Unary("sigmoid", second, Sigmoid), Product)});
  RunPass("join_branches", &graph);
  RunPass("sink_reshapes", &graph);
  RunPass("fold_batch_norm", &graph);
  ExpectSameAfter("fuse_epilogues", graph, "dense+bias+gelu dense+silu");
}

TEST(JoinBranches, TakesInTheFactorBehindAnActivation) {
  GraphBuilder b;
  const ValueId x = b.Dense("first", b.Input("x", {6, 8}), 4);
  const ValueId scaled = b.Unary(
      "scale", x, [](Expr e) { return tilewright::Binary(BinaryOp::kDiv, e, Float(1.4142135)); });
  const ValueId gate =
      b.Unary("erf", scaled, [](Expr e) { return Call("erf", {e}, DType::kF32) + Float(1); });
  const ValueId product = b.Binary("mul", x, gate, Product);
  Graph graph = b.Finish({b.Unary("half", product, [](Expr e) { return e * Float(0.5); })});
  ExpectSameAfter("join_branches", graph, "dense scale_erf_mul_half");
  RunPass("join_branches", &graph);
  ExpectSameAfter("fuse_epilogues", graph, "dense+gelu");
}

TEST(JoinBranches, LeavesBranchesThatOthersReadOrThatMoveData) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {4, 4});
  const ValueId sigmoid = b.Unary("sigmoid", x, Sigmoid);
  const ValueId silu = b.Binary("mul", x, sigmoid, Product);
  const ValueId turned = b.Add(x, b.Transpose(b.Unary("exp", x, Exp), {1, 0}));
  ExpectSameAfter("join_branches", b.Finish({silu, sigmoid, turned}),
                  "sigmoid mul exp transpose add");
}

TEST(JoinBranches, StaysSmallWhereActivationsAreOfActivations) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {4, 4});
  ValueId y = x;
  for (int i = 0; i < 6; ++i) y = Gelu(b, y);
  Graph graph = b.Finish({b.Add(x, y)});
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("join_branches", &graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
  EXPECT_GT(graph.nodes.size(), 1u);
  for (const Node& node : graph.nodes) EXPECT_LE(CountNodes(node.compute), 200) << node.op;
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

TEST(SinkReshapes, OfTwoProductsAddedOneIsReshapedToTheOther) {
  GraphBuilder b;
  const ValueId flat = b.Dense("dense", b.Input("x", {6, 8}), 5);
  const ValueId batched =
      b.BatchMatmul("batched", b.Input("y", {2, 3, 4}), b.Input("z", {2, 4, 5}));
  Graph graph = b.Finish({b.Relu(b.Add(b.Reshape(flat, {2, 3, 5}), batched))});
  ExpectSameAfter("sink_reshapes", graph, "dense batch_matmul reshape add relu reshape");
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
  const ValueId unknown = b.Unary("unknown", conv, [](Expr e) { return e * Exp(e); });
  ExpectSameAfter("fuse_epilogues", b.Finish({unknown}), "conv2d unknown");
}

using NamedForms = std::vector<std::pair<std::string, std::function<Expr(Expr)>>>;

// The forms that importers, exporters of frameworks and their tracers write.
NamedForms ActivationForms() {
  const auto clip = [](Expr e, double lo, double hi) { return Min(Max(e, Float(lo)), Float(hi)); };
  const auto erf = [](Expr e) { return Call("erf", {e}, DType::kF32); };
  const auto tanh = [](Expr e) { return Call("tanh", {e}, DType::kF32); };
  const auto over = [](Expr e, double by) {
    return tilewright::Binary(BinaryOp::kDiv, e, Float(by));
  };
  return {
      {"silu", [](Expr x) { return Sigmoid(x) * x; }},
      {"silu",
       [](Expr x) { return tilewright::Binary(BinaryOp::kDiv, x, Exp(Float(0) - x) + Float(1)); }},
      {"hard_swish", [=](Expr x) { return x * clip(x * Float(1.0 / 6) + Float(0.5), 0, 1); }},
      {"hard_swish", [=](Expr x) { return over(clip(x + Float(3), 0, 6) * x, 6); }},
      {"hard_swish", [=](Expr x) { return x * over(clip(Float(3) + x, 0, 6), 6); }},
      {"hard_swish",
       [=](Expr x) { return Max(Min(x + Float(3), Float(6)), Float(0)) * x * Float(1.0 / 6); }},
      {"gelu",
       [=](Expr x) { return Float(0.5) * x * (Float(1) + erf(x * Float(std::sqrt(0.5)))); }},
      {"gelu", [=](Expr x) { return x * (erf(over(x, 1.4142135)) + Float(1)) * Float(0.5); }},
      {"gelu_tanh",
       [=](Expr x) {
         const Expr cube = Call("pow", {x, Float(3)}, DType::kF32);
         return Float(0.5) * x *
                (Float(1) + tanh(Float(0.79788458) * (x + Float(0.044715) * cube)));
       }},
      {"gelu_tanh",
       [=](Expr x) {
         const Expr inner = x * Float(0.7978845608) * (Float(1) + Float(0.044715) * x * x);
         return x * Float(0.5) * (Float(1) + tanh(inner));
       }},
      {"leaky_relu(0.25)", [](Expr x) { return Select(Lt(Float(0), x), x, x * Float(0.25)); }},
      {"leaky_relu(0.25)", [](Expr x) { return Select(Lt(x, Float(0)), Float(0.25) * x, x); }},
      {"linear(0.25,0.5)+clip(0,1)",
       [=](Expr x) { return clip(x * Float(0.25) + Float(0.5), 0, 1); }},
      {"clip(-inf,0.5)", [](Expr x) { return Min(x, Float(0.5)); }},
      {"clip(-0.5,inf)", [](Expr x) { return Max(Float(-0.5), x); }},
      {"linear(-2,1)", [](Expr x) { return (Float(0.5) - x) * Float(2); }},
  };
}

TEST(FuseEpilogues, RecognisesActivationsInEveryForm) {
  for (const auto& [name, form] : ActivationForms()) {
    GraphBuilder b;
    const ValueId conv = b.Bias(b.Conv("conv", b.Input("x", {1, 8, 5, 5}), {.channels = 8}));
    ExpectSameAfter("fuse_epilogues", b.Finish({b.Unary("act", conv, form)}),
                    "conv2d+bias+" + name);
  }
}

TEST(FuseEpilogues, LeavesFunctionsThatOnlyLookLikeActivations) {
  const std::vector<std::function<Expr(Expr)>> forms = {
      [](Expr x) { return x * Sigmoid(x * Float(1.702)); },
      [](Expr x) { return x * Min(Max(x + Float(3), Float(0)), Float(5)) * Float(1.0 / 6); },
      [](Expr x) { return x * (Float(1) + Call("erf", {x}, DType::kF32)) * Float(0.5); },
      [](Expr x) { return Select(Lt(x, Float(0.5)), Float(0.25) * x, x); },
      [](Expr x) { return Max(Min(x, Float(-0.5)), Float(0.5)); },
  };
  for (const auto& form : forms) {
    GraphBuilder b;
    const ValueId conv = b.Conv("conv", b.Input("x", {1, 8, 5, 5}), {.channels = 8});
    ExpectSameAfter("fuse_epilogues", b.Finish({b.Unary("act", conv, form)}), "conv2d act");
  }
}

TEST(FuseEpilogues, TakesTensorsPerChannelAndLikeTheOutput) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 5, 5});
  const auto prelu = [](Expr p, Expr q) { return Select(Lt(p, Float(0)), p * q, p); };
  const ValueId first = b.Conv("first", x, {.channels = 8});
  const ValueId gated = b.Binary("mul", b.Input("gate", {1, 8, 1, 1}), b.Relu(first), Product);
  const ValueId second = b.Conv("second", b.Binary("mul", x, gated, Product), {.channels = 8});
  const ValueId slope = b.Constant("slope", {8, 1, 1});
  ExpectSameAfter("fuse_epilogues", b.Finish({b.Binary("prelu", second, slope, prelu)}),
                  "reshape conv2d+relu+scale+mul conv2d+prelu");
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
