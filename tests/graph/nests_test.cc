// tune_nests: large maps become tasks, and what must stay as it is.
#include "compiler/operators/define.h"
#include "tests/graph/expect_same_after.h"

namespace tilewright {
namespace {

using graph_testing::ContextFor;
using graph_testing::Evaluate;
using graph_testing::GraphBuilder;
using graph_testing::LargestError;
using graph_testing::RunPass;

// The name of each node's task after the pass, "-" where there is none; the graph computes
// the same.
std::string TasksAfter(Graph graph) {
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass("tune_nests", &graph);
  EXPECT_EQ(LargestError(expected, Evaluate(graph)), 0);
  std::string tasks;
  for (const Node& node : graph.nodes) {
    const bool is_task = node.workload && node.workload->op == "nest";
    tasks += is_task ? OperatorText(*node.workload) + " " : "- ";
  }
  return tasks;
}

// Row `row` of `x` is what a table says, `scale` times.
ValueId PickedRows(GraphBuilder& b, ValueId x, int64_t rows) {
  const ValueId table =
      b.graph().AddConstant("table", Tensor({DType::kI64, {rows}}, std::vector<int64_t>(rows, 1)));
  const Shape& shape = b.ShapeOf(x);
  return b.Map("pick", {x, table}, {rows, shape[1]}, [&](const auto& axes, const auto& in) {
    const Expr at = Min(Max(Load(in[1], {axes[0]}), Int(0)), Int(shape[0] - 1));
    return Load(in[0], {at, axes[1]}) * Float(0.3);
  });
}

TEST(TuneNests, MakesTasksOfLargeMaps) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {3, 1025});
  const ValueId picked = PickedRows(b, x, 512);
  EXPECT_EQ(TasksAfter(b.Finish({b.Relu(picked)})), "pick relu ");
}

TEST(TuneNests, MakesTasksOfConcatenationsAndColumnsByTable) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 30, 99, 110}), y = b.Input("y", {1, 21, 99, 110});
  EXPECT_EQ(TasksAfter(b.Finish({b.Concat(x, y)})), "concat ");
  GraphBuilder columns;
  const ValueId table = columns.graph().AddConstant(
      "table", Tensor({DType::kI64, {1111}}, std::vector<int64_t>(1111, 2)));
  const ValueId wide =
      columns.Map("widen", {columns.Input("x", {473, 7}), table}, {473, 1111},
                  [](const auto& axes, const auto& in) {
                    return Load(in[0], {axes[0], Min(Max(Load(in[1], {axes[1]}), Int(0)), Int(6))});
                  });
  EXPECT_EQ(TasksAfter(columns.Finish({wide})), "widen ");
}

TEST(TuneNests, LeavesWhatIsSmallReducesOrTurnsMemoryRound) {
  GraphBuilder b;
  const ValueId small = b.Relu(b.Input("small", {500, 1000}));
  const ValueId x = b.Input("x", {736, 740});
  EXPECT_EQ(TasksAfter(b.Finish({small, b.Transpose(x, {1, 0}),
                                 b.ReduceLast("sum", Reducer::kSum, b.Input("y", {736, 740}))})),
            "- - - ");
}

TEST(TuneNests, LeavesWhatReadsNothing) {
  GraphBuilder b;
  const ValueId ones =
      b.Map("fill", {}, {1024, 1024}, [](const auto&, const auto&) { return Float(1); });
  EXPECT_EQ(TasksAfter(b.Finish({ones})), "- ");
}

TEST(TuneNests, LeavesOtherTargetsThanCpus) {
  GraphBuilder b;
  Graph graph = b.Finish({b.Relu(b.Input("x", {736, 740}))});
  PassContext context = ContextFor();
  context.target = ParseTarget("opencl").value();
  PipelineOptions only;
  for (const PassInfo& pass : Passes()) {
    if (pass.name != "tune_nests") only.disabled.insert(pass.name);
  }
  ASSERT_TRUE(RunPasses(graph, context, only).ok());
  EXPECT_FALSE(graph.nodes[0].workload);
}

}  // namespace
}  // namespace tilewright
