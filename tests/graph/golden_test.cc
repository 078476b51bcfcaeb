// Before and after each pass as text, on the smallest graph that shows what it does: the files
// in tests/golden/graph are the passes' illustrated manual.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "tests/graph/graph_builder.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;

std::string ReadFile(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void ExpectGolden(const std::string& pass, Graph graph) {
  std::string actual = absl::StrCat("before ", pass, ": ", Print(graph));
  graph_testing::RunPass(pass, &graph);
  absl::StrAppend(&actual, "\nafter ", pass, ": ", Print(graph));
  const std::string golden =
      absl::StrCat(TILEWRIGHT_SOURCE_DIR, "/tests/golden/graph/", pass, ".txt");
  if (ReadFile(golden) == actual) return;
  const std::string path = absl::StrCat(testing::TempDir(), "/", pass, ".txt");
  std::ofstream(path) << actual;
  ADD_FAILURE() << actual << "\nIf this is meant: cp " << path << " " << golden;
}

// x in uint8 and back.
ValueId Requantized(GraphBuilder& b, ValueId x, double zero_point) {
  const Shape& shape = b.ShapeOf(x);
  Compute quantize{.name = "quantize",
                   .inputs = {MakeBuffer("in0", DType::kF32, shape)},
                   .output = MakeBuffer("out", DType::kU8, shape),
                   .axes = MakeAxes(shape, "a")};
  const Expr ratio = Load(quantize.inputs[0], Vars(quantize.axes)) * Float(10);
  const Expr rounded = Call("round", {ratio}, DType::kF32);
  quantize.body = Cast(zero_point == 0 ? rounded : rounded + Float(zero_point), DType::kU8);
  const ValueId bytes = b.graph().AddNode("quantize", "quantize", {x}, std::move(quantize));
  return b.Unary("dequantize", bytes, [&](const Expr& byte) {
    const Expr real = Cast(byte, DType::kF32);
    return (zero_point == 0 ? real : real - Float(zero_point)) * Float(0.1);
  });
}

// A convolution between quantizers, its weight in int8, added to what it reads.
Graph QuantizedConv(double zero_point) {
  GraphBuilder b;
  const ValueId x = Requantized(b, b.Input("x", {1, 2, 3, 3}), zero_point);
  const ValueId conv = b.Conv("conv", x, {.channels = 2, .kernel = 3, .pad = 1});
  Tensor weight({DType::kI8, {2, 2, 3, 3}});
  for (int64_t i = 0; i < weight.size(); ++i) weight.Set(i, static_cast<double>(i * 7 % 256 - 128));
  const ValueId bytes = b.graph().AddConstant("weight_q", std::move(weight));
  const ValueId real = b.Unary("dequantize_weight", bytes, [](const Expr& byte) {
    return Cast(byte, DType::kF32) * Float(0.02);
  });
  b.graph().nodes[b.graph().values[conv].producer].inputs[1] = real;
  SortNodes(b.graph());
  Graph graph = b.Finish({Requantized(b, b.Add(conv, x), zero_point)});
  graph_testing::RunPass("eliminate_dead_nodes", &graph);
  return graph;
}

TEST(Golden, RunInIntegers) { ExpectGolden("run_in_integers", QuantizedConv(3)); }

TEST(Golden, FuseAttention) {
  GraphBuilder b;
  const ValueId q = b.Input("q", {1, 8, 4}), k = b.Input("k", {1, 4, 3});
  const ValueId scores = b.BatchMatmul("scores", q, k);
  const ValueId scaled = b.Unary("scale", scores, [](const Expr& e) { return e * Float(0.5); });
  const ValueId weights = b.Softmax(b.Add(scaled, b.Input("mask", {8, 3})));
  ExpectGolden("fuse_attention",
               b.Finish({b.BatchMatmul("values", weights, b.Input("v", {1, 3, 4}))}));
}

TEST(Golden, ConvertTransposed) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 2, 3, 3});
  ExpectGolden("convert_transposed",
               b.Finish({b.ConvTranspose("up", x, {.channels = 4, .kernel = 3, .pad = 1})}));
}

TEST(Golden, NarrowToBytes) {
  Graph graph = QuantizedConv(3);
  for (const char* pass : {"run_in_integers", "fold_constants"}) {
    graph_testing::RunPass(pass, &graph);
  }
  ExpectGolden("narrow_to_bytes", graph);
}

TEST(Golden, JoinQuantizers) {
  Graph graph = QuantizedConv(0);
  for (const char* pass : {"run_in_integers", "fold_constants", "narrow_to_bytes"}) {
    graph_testing::RunPass(pass, &graph);
  }
  ExpectGolden("join_quantizers", graph);
}

TEST(Golden, EliminateDeadNodes) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 4});
  b.Bias(x);
  const ValueId copy = b.Unary("identity", x, [](Expr e) { return e; });
  ExpectGolden("eliminate_dead_nodes", b.Finish({b.Relu(copy)}));
}

TEST(Golden, FoldConstants) {
  GraphBuilder b;
  const ValueId weight = b.Transpose(b.Constant("w", {3, 2}), {1, 0});
  const ValueId scaled = b.Add(b.Input("x", {2, 3}), b.Scalar("two", 2));
  ExpectGolden("fold_constants", b.Finish({b.Add(scaled, weight)}));
}

TEST(Golden, SinkReshapes) {
  GraphBuilder b;
  const ValueId product = b.Dense("dense", b.Input("x", {6, 8}), 4);
  const ValueId shaped = b.Reshape(product, {2, 3, 4});
  ExpectGolden("sink_reshapes", b.Finish({b.Add(shaped, b.Input("residual", {2, 3, 4}))}));
}

TEST(Golden, FoldBatchNorm) {
  GraphBuilder b;
  const ValueId conv = b.Conv("conv", b.Input("x", {1, 3, 4, 4}), {.channels = 8});
  ExpectGolden("fold_batch_norm", b.Finish({b.BatchNorm(conv)}));
}

TEST(Golden, JoinBranches) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 4});
  const ValueId gate = b.Unary("tanh", x, [](Expr e) { return Call("tanh", {e}, DType::kF32); });
  ExpectGolden("join_branches",
               b.Finish({b.Binary("mul", x, gate, [](Expr p, Expr q) { return p * q; })}));
}

TEST(Golden, FoldPads) {
  GraphBuilder b;
  const ValueId x = b.Pad(b.Input("x", {1, 3, 4, 4}), 1);
  ExpectGolden("fold_pads", b.Finish({b.Conv("conv", x, {.channels = 8, .kernel = 3})}));
}

TEST(Golden, FuseEpilogues) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 8, 4, 4});
  const ValueId sum = b.Add(b.Bias(b.Conv("conv", x, {.channels = 8})), x);
  ExpectGolden("fuse_epilogues", b.Finish({b.Relu(sum)}));
}

TEST(Golden, FuseElementwise) {
  GraphBuilder b;
  const ValueId x = b.Transpose(b.Relu(b.Input("x", {4, 16})), {1, 0});
  const ValueId sum = b.ReduceLast("sum", Reducer::kSum, b.Add(x, b.Input("y", {16, 4})));
  ExpectGolden("fuse_elementwise", b.Finish({b.Relu(sum)}));
}

TEST(Golden, ChooseLayouts) {
  GraphBuilder b;
  const ValueId stem = b.Conv("stem", b.Input("x", {1, 3, 4, 4}), {.channels = 32});
  ExpectGolden("choose_layouts", b.Finish({b.Conv("conv", stem, {.channels = 16})}));
}

TEST(Golden, CancelLayoutChanges) {
  GraphBuilder b;
  const ValueId stem = b.Conv("stem", b.Input("x", {1, 3, 4, 4}), {.channels = 32});
  const ValueId pool = b.MaxPool(b.Concat(stem, b.Relu(stem)), 2, 2);
  Graph graph = b.Finish({b.Conv("conv", pool, {.channels = 16})});
  graph_testing::RunPass("choose_layouts", &graph);
  ExpectGolden("cancel_layout_changes", graph);
}

}  // namespace
}  // namespace tilewright
