// Layout passes: which layouts are chosen, and that changes between blocked nodes vanish.
#include <gtest/gtest.h>

#include "compiler/graph/edit.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::Evaluate;
using graph_testing::GraphBuilder;
using graph_testing::LargestError;
using graph_testing::Ops;
using graph_testing::RunPass;

// Both passes; the operators afterwards.
std::string OpsAfterLayouts(Graph graph) {
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("choose_layouts", &graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
  RunPass("cancel_layout_changes", &graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5) << Print(graph);
  return Ops(graph);
}

std::string LayoutsChosen(int64_t in, const graph_testing::ConvShape& conv) {
  GraphBuilder b;
  Graph graph = b.Finish({b.Conv("conv", b.Input("x", {1, in, 6, 6}), conv)});
  RunPass("choose_layouts", &graph);
  for (const Node& node : graph.nodes) {
    if (!node.workload) continue;
    const Workload& w = *node.workload;
    return w.data_layout + "," + w.weight_layout + "," + w.out_layout;
  }
  return "";
}

// x from the last column to the first, as a procedure.
ValueId Reversed(GraphBuilder& b, ValueId x) {
  const Shape& shape = b.ShapeOf(x);
  Compute c{.name = "reverse",
            .inputs = {MakeBuffer("in0", DType::kF32, shape)},
            .output = MakeBuffer("out", DType::kF32, shape),
            .axes = MakeAxes(shape, "i")};
  const std::vector<Axis> axes = MakeAxes(shape, "at");
  std::vector<Expr> at = Vars(axes), from = at;
  from.back() = Int(shape.back() - 1) - at.back();
  c.procedure = Store(c.output, at, Load(c.inputs[0], from));
  for (size_t d = axes.size(); d-- > 0;) {
    c.procedure = For(axes[d].var, axes[d].extent, LoopKind::kSerial, std::move(c.procedure));
  }
  return b.graph().AddNode("reverse", "reverse", {x}, std::move(c));
}

TEST(CancelLayoutChanges, LeavesProceduresInTheirLayout) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 16, 4, 4}), {.channels = 16});
  EXPECT_EQ(OpsAfterLayouts(b.Finish({Reversed(b, conv)})), "to_NCHW16c conv2d to_NCHW reverse");
}

TEST(ChooseLayouts, BlocksChannelsByTheVectorWidth) {
  EXPECT_EQ(LayoutsChosen(32, {.channels = 64}), "NCHW16c,OIHW16i16o,NCHW16c");
  EXPECT_EQ(LayoutsChosen(24, {.channels = 24}), "NCHW16c,OIHW16i16o,NCHW16c");
  EXPECT_EQ(LayoutsChosen(3, {.channels = 64}), "NCHW,OIHW16o,NCHW16c");
  EXPECT_EQ(LayoutsChosen(32, {.channels = 32, .groups = 32}), "NCHW16c,OIHW16o,NCHW16c");
  EXPECT_EQ(LayoutsChosen(64, {.channels = 32, .groups = 2}), "NCHW16c,OIHW16i16o,NCHW16c");
}

TEST(ChooseLayouts, StaysPlainWhereBlocksWouldBeMostlyPadding) {
  EXPECT_EQ(LayoutsChosen(32, {.channels = 4}), "NCHW,OIHW,NCHW");
  EXPECT_EQ(LayoutsChosen(8, {.channels = 8, .groups = 8}), "NCHW,OIHW,NCHW");
  EXPECT_EQ(LayoutsChosen(32, {.channels = 32, .groups = 4}), "NCHW,OIHW,NCHW");
}

struct Grouped {
  int64_t first, last, width = 8, stride = 1;
};

// Convolutions of these groups around a depthwise one, with the channels shuffled in between.
std::string OpsAroundDepthwise(const Grouped& c) {
  GraphBuilder b;
  const Shape shape = {1, 36, 6, c.width};
  ValueId x = b.Conv("first", b.Input("x", shape), {.channels = 36, .groups = c.first});
  x = b.Reshape(b.Transpose(b.Reshape(x, {1, 4, 9, 6, c.width}), {0, 2, 1, 3, 4}), shape);
  const graph_testing::ConvShape depthwise{
      .channels = 36, .kernel = 3, .stride = c.stride, .pad = 1, .groups = 36};
  x = b.Relu(b.Conv("middle", x, depthwise));
  Graph graph = b.Finish({b.Conv("last", x, {.channels = 36, .groups = c.last})});
  RunPass("fuse_elementwise", &graph);
  return OpsAfterLayouts(std::move(graph));
}

TEST(ChooseLayouts, LeavesDepthwiseConvolutionsPlainBetweenPlainAnchors) {
  const std::string plain = OpsAroundDepthwise({4, 4});
  EXPECT_EQ(plain.find("to_"), std::string::npos) << plain;
  for (const Grouped& c : std::vector<Grouped>{{1, 4}, {4, 1}, {1, 1}, {4, 4, 7}, {4, 4, 16, 2}}) {
    const std::string ops = OpsAroundDepthwise(c);
    EXPECT_NE(ops.find("to_NCHW16c"), std::string::npos) << c.first << " " << c.last << ": " << ops;
  }
}

TEST(ChooseLayouts, PacksDenseWeights) {
  GraphBuilder b;
  Graph graph = b.Finish({b.Dense("dense", b.Input("x", {2, 8}), 20)});
  RunPass("choose_layouts", &graph);
  EXPECT_EQ(graph.nodes[0].workload->weight_layout, "NK16n");
  EXPECT_EQ(graph.values[graph.nodes[0].inputs[1]].type.shape, (Shape{2, 8, 16}));
}

TEST(ChooseLayouts, PadsTheBiasOfAPaddedOutput) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 16, 4, 4}), {.channels = 24});
  Graph graph = b.Finish({b.Bias(conv)});
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("fold_batch_norm", &graph);
  RunPass("choose_layouts", &graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
}

TEST(CancelLayoutChanges, LeavesOneAtEachEndOfAChain) {
  GraphBuilder b;
  ValueId x = b.Input("x", {1, 16, 8, 8});
  x = b.MaxPool(b.Relu(b.Conv("first", x, {.channels = 32, .kernel = 3})), 2, 2);
  x = b.Add(x, b.Bias(b.Conv("second", x, {.channels = 32})));
  EXPECT_EQ(OpsAfterLayouts(b.Finish({b.Conv("third", x, {.channels = 16})})),
            "to_NCHW16c conv2d relu max_pool conv2d bias_add add conv2d to_NCHW");
}

TEST(CancelLayoutChanges, CarriesChannelsThatDoNotFillTheLastBlock) {
  GraphBuilder b;
  ValueId x = b.Conv("first", b.Input("x", {1, 3, 8, 8}), {.channels = 24});
  x = b.Conv("second", b.MaxPool(b.Relu(x), 2, 2), {.channels = 24});
  EXPECT_EQ(OpsAfterLayouts(b.Finish({x})), "conv2d relu max_pool conv2d to_NCHW");
}

// What ONNX's maximum asks of each element, NaN or not, is no number that lanes could be poisoned
// by.
TEST(CancelLayoutChanges, CarriesQuestionsAboutNanThroughBlocksThatAreNotFull) {
  GraphBuilder b;
  ValueId x = b.Conv("first", b.Input("x", {1, 3, 6, 6}), {.channels = 24});
  x = b.Unary("zero_for_nan", x,
              [](Expr e) { return Select(Call("isnan", {e}, DType::kBool), Float(0), e); });
  EXPECT_EQ(OpsAfterLayouts(b.Finish({b.Conv("second", x, {.channels = 24})})),
            "conv2d zero_for_nan conv2d to_NCHW");
}

// Each element repeated along the columns, by a table as resizing has one.
ValueId Widened(GraphBuilder& b, ValueId x) {
  Shape shape = b.ShapeOf(x);
  shape.back() *= 2;
  const ValueId weight = b.Constant("weight", {shape.back()});
  return b.Map("widen", {x, weight}, shape, [](const auto& axes, const auto& in) {
    return Load(in[0], {axes[0], axes[1], axes[2], Int(1)}) * Load(in[1], {axes[3]});
  });
}

TEST(CancelLayoutChanges, UnpacksBeforeWhatGrowsUnlessItsReadersWantBlocks) {
  for (const bool read : {false, true}) {
    GraphBuilder b;
    ValueId x = b.Conv("first", b.Input("x", {1, 16, 4, 4}), {.channels = 24});
    x = Widened(b, Widened(b, x));
    if (read) x = b.Conv("second", x, {.channels = 16});
    EXPECT_EQ(OpsAfterLayouts(b.Finish({x})), read ? "to_NCHW16c conv2d widen widen conv2d to_NCHW"
                                                   : "to_NCHW16c conv2d to_NCHW widen widen");
  }
}

TEST(CancelLayoutChanges, UnpacksBeforeMapsThatCouldPoisonThePadding) {
  GraphBuilder b;
  ValueId x = b.Conv("first", b.Input("x", {1, 3, 8, 8}), {.channels = 24});
  x = b.Unary("reciprocal", x,
              [](Expr e) { return tilewright::Binary(BinaryOp::kDiv, Float(1), e); });
  EXPECT_EQ(OpsAfterLayouts(b.Finish({b.Conv("second", x, {.channels = 16})})),
            "conv2d to_NCHW reciprocal to_NCHW16c conv2d to_NCHW");
}

TEST(CancelLayoutChanges, ConcatenatesWholeBlocks) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 6, 6});
  const auto joined = [&](int64_t left, int64_t right) {
    const ValueId both =
        b.Concat(b.Conv("left", x, {.channels = left}), b.Conv("right", x, {.channels = right}));
    return b.Conv("next", both, {.channels = 16});
  };
  const std::string whole = OpsAfterLayouts(b.Finish({joined(16, 32)}));
  EXPECT_EQ(whole, "conv2d conv2d concat conv2d to_NCHW");
  const std::string broken = OpsAfterLayouts(b.Finish({joined(24, 24)}));
  EXPECT_EQ(broken, "conv2d conv2d to_NCHW to_NCHW concat to_NCHW16c conv2d to_NCHW");
}

TEST(CancelLayoutChanges, ComparesBlocksWhereAConcatenationDecides) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 2, 2});
  Graph graph = b.Finish(
      {b.Concat(b.Conv("left", x, {.channels = 32}), b.Conv("right", x, {.channels = 16}))});
  RunPass("choose_layouts", &graph);
  RunPass("cancel_layout_changes", &graph);
  const std::string text = Print(graph);
  EXPECT_NE(text.find("a1_outer < 2"), std::string::npos) << text;
}

TEST(CancelLayoutChanges, MakesFlatteningAfterGlobalPoolingFree) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 3, 6, 6}), {.channels = 32});
  const ValueId flat = b.Reshape(b.GlobalAveragePool(conv), {1, 32});
  Graph graph = b.Finish({b.Dense("dense", flat, 16)});
  RunPass("choose_layouts", &graph);
  RunPass("cancel_layout_changes", &graph);
  const std::vector<ValueId> roots = MemoryRoots(graph);
  int kernels = 0;
  for (const Node& node : graph.nodes) kernels += OnlyRenames(node, roots) ? 0 : 1;
  EXPECT_EQ(kernels, 3) << Print(graph);  // convolution, pooling, dense
}

// A channel shuffle: [N, C, H, W] with channels as a table of groups, transposed.
ValueId Shuffled(GraphBuilder& b, ValueId x, int64_t groups) {
  const Shape shape = b.ShapeOf(x);
  return b.Map("shuffle", {x}, shape, [&](const auto& axes, const auto& in) {
    const Expr from = FloorMod(axes[1], groups) * (shape[1] / groups) + FloorDiv(axes[1], groups);
    return Load(in[0], {axes[0], from, axes[2], axes[3]});
  });
}

std::string OpsAfterFusingLayoutChanges(Graph graph) {
  RunPass("choose_layouts", &graph);
  RunPass("cancel_layout_changes", &graph);
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("fuse_layout_changes", &graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5) << Print(graph);
  return Ops(graph);
}

TEST(FuseLayoutChanges, PacksFromWhereRowsAreCopied) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 24, 5, 6});
  const ValueId conv = b.Conv("conv", Shuffled(b, x, 3), {.channels = 32});
  EXPECT_EQ(OpsAfterFusingLayoutChanges(b.Finish({conv})), "shuffle_to_NCHW16c conv2d to_NCHW");
}

TEST(FuseLayoutChanges, LeavesCopiesThatOthersReadOrThatTurnRows) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 24, 6, 6});
  const ValueId shuffled = Shuffled(b, x, 3);
  const ValueId conv = b.Conv("conv", shuffled, {.channels = 32});
  EXPECT_EQ(OpsAfterFusingLayoutChanges(b.Finish({conv, shuffled})),
            "shuffle to_NCHW16c conv2d to_NCHW");
  GraphBuilder turned;
  const ValueId y = turned.Transpose(turned.Input("x", {2, 24, 6, 6}), {0, 1, 3, 2});
  EXPECT_EQ(OpsAfterFusingLayoutChanges(turned.Finish({turned.Conv("conv", y, {.channels = 32})})),
            "transpose to_NCHW16c conv2d to_NCHW");
}

}  // namespace
}  // namespace tilewright
