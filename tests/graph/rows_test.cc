// fuse_rows: softmax and normalisations become one kernel, and what must stay as it is.
#include "tests/graph/expect_same_after.h"

namespace tilewright {
namespace {

using graph_testing::ContextFor;
using graph_testing::ExpectSameAfter;
using graph_testing::GraphBuilder;
using graph_testing::Ops;
using graph_testing::RunPass;

Expr InverseRoot(const Expr& x) {
  return Binary(BinaryOp::kDiv, Float(1), Call("sqrt", {x + Float(1e-5)}, DType::kF32));
}

// x over its last dimension, as exporters write it out.
ValueId LayerNorm(GraphBuilder& b, ValueId x) {
  const double count = static_cast<double>(b.ShapeOf(x).back());
  const auto average = [&](Expr sum) { return sum * Float(1 / count); };
  const ValueId mean = b.Unary("mean", b.ReduceLast("sum", Reducer::kSum, x), average);
  const ValueId centred = b.Binary("centre", x, mean, [](Expr a, Expr m) { return a - m; });
  const ValueId square = b.Unary("square", centred, [](Expr a) { return a * a; });
  const ValueId inverse = b.Unary("inverse", b.ReduceLast("sum", Reducer::kSum, square),
                                  [&](Expr sum) { return InverseRoot(average(sum)); });
  const ValueId normal = b.Binary("scale", centred, inverse, [](Expr a, Expr s) { return a * s; });
  return b.Add(normal, b.Constant("bias", {b.ShapeOf(x).back()}));
}

TEST(FuseRows, MakesSoftmaxOneDefinition) {
  for (const bool empty_rows : {false, true}) {
    GraphBuilder b;
    const ValueId x = b.Input("x", {2, 3, 5, 7});
    ExpectSameAfter("fuse_rows", b.Finish({b.Softmax(x, empty_rows)}), "max_exp_sum_softmax");
  }
}

TEST(FuseRows, MakesNormalisationOneDefinitionWithWhatIsAround) {
  GraphBuilder b;
  const ValueId x = b.Add(b.Input("x", {1, 9, 20}), b.Input("y", {1, 9, 20}));
  ExpectSameAfter("fuse_rows", b.Finish({b.Relu(LayerNorm(b, x))}),
                  "add_sum_mean_centre_square_sum_inverse_scale_add_relu");
}

TEST(FuseRows, LeavesWhatOthersReadOutside) {
  GraphBuilder b;
  const ValueId x = b.Add(b.Input("x", {4, 8}), b.Input("y", {4, 8}));
  ExpectSameAfter("fuse_rows", b.Finish({b.Softmax(x), b.Relu(x)}), "add max_exp_sum_softmax relu");
}

TEST(FuseRows, FusesRowsBehindSeveralAxesOfBlockedChannels) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 3, 4, 16});  // [N, C / 16, spatial, 16]
  Compute sum{.name = "sum"};
  sum.inputs = InputBuffers(b.graph(), {x});
  sum.output = MakeBuffer("out", DType::kF32, {2, 3, 1, 16});
  sum.axes = MakeAxes(sum.output->shape, "a");
  sum.reduce = MakeAxes({4}, "k");
  sum.reducer = Reducer::kSum;
  const std::vector<Expr> a = Vars(sum.axes);
  sum.body = Load(sum.inputs[0], {a[0], a[1], sum.reduce[0].var, a[3]});
  const ValueId sums = b.graph().AddNode("sum", "sum", {x}, sum);
  const ValueId y = b.Map("share", {x, sums}, {2, 3, 4, 16}, [](const auto& axes, const auto& in) {
    return Load(in[0], axes) * Load(in[1], {axes[0], axes[1], Int(0), axes[3]});
  });
  Graph graph = b.Finish({y});
  ExpectSameAfter("fuse_rows", graph, "sum_share");
  RunPass("fuse_rows", &graph);
  EXPECT_EQ(graph.nodes[0].compute.rows, 2u);
}

TEST(FuseRows, LeavesChainsOfMapsAndWindowsAlone) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 2, 6, 6});
  ExpectSameAfter("fuse_rows", b.Finish({b.Relu(b.MaxPool(b.Relu(x), 2, 2))}),
                  "relu max_pool relu");
}

// Columns reduced over rows: lanes would lie a row apart.
TEST(FuseRows, LeavesRowsThatAreNotContiguousAlone) {
  GraphBuilder b;
  const ValueId x = b.Transpose(b.Input("x", {8, 6}), {1, 0});
  ExpectSameAfter("fuse_rows", b.Finish({b.Softmax(x)}), "transpose max_exp_sum_softmax");
}

TEST(FuseRows, KeepsRowsThatTheCacheCannotHoldInMemory) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 20000});
  Graph graph = b.Finish({b.Softmax(x)});
  RunPass("fuse_rows", &graph);
  EXPECT_EQ(Ops(graph), "max_exp sum_softmax");
}

TEST(FuseRows, LeavesGraphsOfGpusAlone) {
  GraphBuilder b;
  Graph graph = b.Finish({b.Softmax(b.Input("x", {4, 8}))});
  PassContext context = ContextFor();
  context.target.kind = "cuda";
  for (const PassInfo& pass : Passes()) {
    if (pass.name != "fuse_rows") continue;
    ASSERT_TRUE(pass.run(graph, context).ok());
  }
  EXPECT_EQ(Ops(graph), "max exp sum softmax");
}

}  // namespace
}  // namespace tilewright
