// Before and after each pass as text, on the smallest graph that shows what it does: the files
// in tests/golden/graph are the passes' illustrated manual.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
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
