// fuse_attention: the forms in which attention comes, and what must stay as it is.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "compiler/graph/rewrite.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::Evaluate;
using graph_testing::GraphBuilder;
using graph_testing::LargestError;
using graph_testing::Ops;
using graph_testing::RunPass;

constexpr int64_t kBatch = 2, kHeads = 3, kQueries = 9, kKeys = 11, kSize = 4;

using ScoreFn = std::function<ValueId(GraphBuilder& b, ValueId scores)>;

struct Tensors {
  ValueId query, key, value;  // [batch, heads, queries, size], [.., size, keys], [.., keys, size]
};

// Of tokens [batch, length, heads * size], as exporters split them.
Tensors SplitTokens(GraphBuilder& b) {
  const auto heads = [&](const char* name, int64_t length, std::vector<size_t> order) {
    const ValueId x = b.Input(name, {kBatch, length, kHeads * kSize});
    return b.Transpose(b.Reshape(x, {kBatch, length, kHeads, kSize}), std::move(order));
  };
  return {heads("q", kQueries, {0, 2, 1, 3}), heads("k", kKeys, {0, 2, 3, 1}),
          heads("v", kKeys, {0, 2, 1, 3})};
}

using SoftmaxFn = std::function<ValueId(GraphBuilder&, ValueId)>;

// Attention whose heads share `groups` keys, before heads are joined; `weigh` makes weights of the
// product's scores.
ValueId AttendBy(GraphBuilder& b, const Tensors& t, int64_t groups, const SoftmaxFn& weigh) {
  const Shape q = b.ShapeOf(t.query), k = b.ShapeOf(t.key);
  const int64_t batch = kBatch * groups, rows = kHeads / groups * q[2];
  const ValueId product = b.BatchMatmul("product", b.Reshape(t.query, {batch, rows, q[3]}),
                                        b.Reshape(t.key, {batch, k[2], k[3]}));
  const ValueId weights =
      b.Reshape(weigh(b, b.Reshape(product, {kBatch, kHeads, q[2], k[3]})), {batch, rows, k[3]});
  const Shape v = b.ShapeOf(t.value);
  const ValueId out = b.BatchMatmul("product", weights, b.Reshape(t.value, {batch, v[2], v[3]}));
  return b.Reshape(out, {kBatch, kHeads, q[2], v[3]});
}

ValueId Attend(GraphBuilder& b, const Tensors& t, int64_t groups, const ScoreFn& score) {
  return AttendBy(b, t, groups,
                  [&](GraphBuilder& g, ValueId product) { return g.Softmax(score(g, product)); });
}

ValueId JoinHeads(GraphBuilder& b, ValueId x) {
  return b.Reshape(b.Transpose(x, {0, 2, 1, 3}), {kBatch, kQueries, kHeads * kSize});
}

ValueId Scale(GraphBuilder& b, ValueId x, double by) {
  return b.Unary("scale", x, [by](Expr e) { return e * Float(by); });
}

// The operators that need code after the pass and after copies have joined; outputs stay the same.
std::string Fused(Graph graph) {
  const std::vector<Tensor> expected = Evaluate(graph);
  for (const char* pass : {"fuse_attention", "sink_reshapes", "fuse_elementwise"}) {
    RunPass(pass, &graph);
  }
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
  std::erase_if(graph.nodes, [](const Node& node) { return IsReshape(node.compute); });
  return Ops(graph);
}

const Workload& WorkloadIn(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (node.workload && node.workload->op == "attention") return *node.workload;
  }
  ADD_FAILURE() << Print(graph);
  return *graph.nodes[0].workload;
}

Workload WorkloadOf(Graph graph) {
  RunPass("fuse_attention", &graph);
  return WorkloadIn(graph);
}

Graph WithScores(const ScoreFn& score) {
  GraphBuilder b;
  return b.Finish({JoinHeads(b, Attend(b, SplitTokens(b), kHeads, score))});
}

TEST(FuseAttention, LeavesNothingOfSplittingAndJoiningHeads) {
  const Graph graph = WithScores([](GraphBuilder& b, ValueId x) {
    return b.Add(Scale(b, x, 0.5), b.Input("mask", {kBatch, 1, 1, kKeys}));
  });
  EXPECT_EQ(Fused(graph), "attention") << Print(graph);
  const Workload w = WorkloadOf(graph);
  EXPECT_EQ(w.Key(),
            "attention(float32[2,9,3,4],float32[2,11,3,4],float32[2,11,3,4],float32[2,1,1,11];"
            "causal=-1;empty_rows=0;scaled=1;,,)");
}

// A cache is turned by no copy, and heads that share keys are rows that read them together.
TEST(FuseAttention, ReadsTheKeysOfFewQueriesAsTheyLie) {
  for (const int64_t groups : {kHeads, int64_t{1}}) {
    GraphBuilder b;
    Tensors t{.query = b.Input("q", {kBatch, kHeads, 2, kSize})};
    t.key = b.Transpose(b.Input("k", {kBatch, groups, kKeys, kSize}), {0, 1, 3, 2});
    t.value = b.Input("v", {kBatch, groups, kKeys, kSize});
    const Graph graph = b.Finish({Attend(b, t, groups, [](GraphBuilder& to, ValueId x) {
      return to.Add(Scale(to, x, 0.5), to.Input("mask", {kBatch, kHeads, 1, kKeys}));
    })});
    EXPECT_EQ(Fused(graph), "attention_rows") << Print(graph);
    Graph fused = graph;
    RunPass("fuse_attention", &fused);
    const Node& node = fused.nodes[fused.nodes.size() - 2];
    EXPECT_EQ(node.compute.rows, 2u);
    EXPECT_EQ(node.compute.inputs[1]->shape, (Shape{kBatch, groups, kKeys, kSize}));
    EXPECT_EQ(node.compute.inputs[2]->shape, (Shape{kBatch, kHeads, 1, kKeys}));
  }
}

TEST(FuseAttention, HidesKeysOfFewQueriesAndGivesZeroWhereNoneIsLeft) {
  GraphBuilder b;
  Tensors t{.query = b.Input("q", {kBatch, kHeads, 3, kSize})};
  t.key = b.Input("k", {kBatch, kHeads, kSize, kKeys});
  t.value = b.Input("v", {kBatch, kHeads, kKeys, kSize});
  const Graph graph = b.Finish({AttendBy(b, t, kHeads, [](GraphBuilder& to, ValueId x) {
    const ValueId seen = to.Map("hide", {x}, to.ShapeOf(x), [](const auto& axes, const auto& in) {
      const Expr none = Float(-std::numeric_limits<double>::infinity());
      return Select(Le(axes[3], axes[2] + 1), Load(in[0], axes), none);
    });
    return to.Softmax(seen, /*empty_rows=*/true);
  })});
  EXPECT_EQ(Fused(graph), "attention_rows") << Print(graph);
}

TEST(FuseAttention, TakesMasksOfEveryBroadcastAndSeveral) {
  for (const Shape& mask : {Shape{kKeys}, Shape{kQueries, kKeys}, Shape{kHeads, 1, kKeys},
                            Shape{kBatch, kHeads, kQueries, kKeys}}) {
    const Graph graph = WithScores([&](GraphBuilder& b, ValueId x) {
      return b.Add(b.Add(Scale(b, x, 0.5), b.Input("mask", mask)), b.Input("other", {1, 1, kKeys}));
    });
    EXPECT_EQ(WorkloadOf(graph).inputs.size(), 4u);
    Fused(graph);
  }
}

TEST(FuseAttention, ReadsConditionsThatHideKeys) {
  const auto hide = [](double hidden, bool swapped) {
    return WithScores([=](GraphBuilder& b, ValueId x) {
      const ValueId mask = b.Input("mask", {kBatch, 1, kQueries, kKeys});
      return b.Binary("where", x, mask, [&](Expr s, Expr m) {
        const Expr none = Float(hidden);
        return swapped ? Select(Lt(m, Float(0)), none, s) : Select(Lt(m, Float(0)), s, none);
      });
    });
  };
  for (const bool swapped : {false, true}) {
    const Graph graph = hide(-1e38, swapped);
    EXPECT_EQ(WorkloadOf(graph).inputs.size(), 4u);
    Fused(graph);
  }
  // A finite score that others may be smaller than is no hidden key's.
  EXPECT_EQ(Ops([&] {
              Graph graph = hide(-10000, false);
              RunPass("fuse_attention", &graph);
              return graph;
            }())
                .find("attention"),
            std::string::npos);
}

Graph Causal(int64_t offset, bool swapped) {
  return WithScores([=](GraphBuilder& b, ValueId x) {
    const Shape shape = b.ShapeOf(x);
    return b.Map("causal", {x}, shape, [&](const auto& axes, const auto& in) {
      const Expr none = Float(-std::numeric_limits<double>::infinity());
      const Expr score = Load(in[0], axes), last = axes[2] + offset;
      return swapped ? Select(Lt(last, axes[3]), none, score)
                     : Select(Le(axes[3], last), score, none);
    });
  });
}

TEST(FuseAttention, KnowsCausality) {
  for (const bool swapped : {false, true}) {
    for (const int64_t offset : {0, 2}) {
      const Graph graph = Causal(offset, swapped);
      const Workload w = WorkloadOf(graph);
      EXPECT_EQ(w.Attr("causal")[0], offset);
      EXPECT_EQ(w.inputs.size(), 3u);
      Fused(graph);
    }
  }
}

TEST(FuseAttention, ScalesTheQueryWhereTheScaleIsNotThatOfItsSize) {
  const Graph graph = WithScores([](GraphBuilder& b, ValueId x) { return Scale(b, x, 0.3); });
  EXPECT_EQ(WorkloadOf(graph).Attr("scaled")[0], 0);
  Fused(graph);
}

TEST(FuseAttention, KeepsWhatRowsWithoutKeysGive) {
  GraphBuilder b;
  const ValueId out = AttendBy(b, SplitTokens(b), kHeads, [](GraphBuilder& g, ValueId product) {
    return g.Softmax(Scale(g, product, 0.5), /*empty_rows=*/true);
  });
  EXPECT_EQ(WorkloadOf(b.Finish({out})).Attr("empty_rows")[0], 1);
}

TEST(FuseAttention, LetsHeadsShareKeys) {
  GraphBuilder b;
  const Tensors t = {b.Input("q", {kBatch, kHeads, kQueries, kSize}),
                     b.Input("k", {kBatch, 1, kSize, kKeys}),
                     b.Input("v", {kBatch, 1, kKeys, kSize})};
  const ValueId out = Attend(b, t, 1, [](GraphBuilder& g, ValueId x) { return Scale(g, x, 0.5); });
  const Graph graph = b.Finish({out});
  EXPECT_EQ(WorkloadOf(graph).Key(),
            "attention(float32[2,9,3,4],float32[2,11,1,4],float32[2,11,1,4];causal=-1;"
            "empty_rows=0;scaled=1;,,)");
  Fused(graph);
}

TEST(FuseAttention, LeavesWhatOthersReadOrWhatIsNoSoftmax) {
  const auto is_left = [](Graph graph) {
    RunPass("fuse_attention", &graph);
    return Ops(graph).find("attention") == std::string::npos;
  };
  ValueId scores = kNoValue;
  const auto keep = [&](GraphBuilder& b, ValueId x) { return scores = Scale(b, x, 0.5); };
  {
    GraphBuilder b;
    const ValueId out = Attend(b, SplitTokens(b), kHeads, keep);
    EXPECT_TRUE(is_left(b.Finish({out, scores}))) << "scores are an output";
  }
  EXPECT_TRUE(is_left(WithScores([](GraphBuilder& b, ValueId x) {
    return b.Unary("cap", x, [](Expr e) { return Call("tanh", {e}, DType::kF32); });
  }))) << "the scores are capped";
  EXPECT_TRUE(is_left(WithScores([](GraphBuilder& b, ValueId x) {
    return Scale(b, b.Add(x, b.Input("mask", {kKeys})), 0.5);
  }))) << "the mask is scaled";
}

TEST(FuseAttention, LeavesFewQueriesWhoseScoresTheCacheCannotHold) {
  constexpr int64_t kManyKeys = 20000;
  GraphBuilder b;
  const Tensors t = {b.Input("q", {kBatch, kHeads, 1, kSize}),
                     b.Input("k", {kBatch, kHeads, kSize, kManyKeys}),
                     b.Input("v", {kBatch, kHeads, kManyKeys, kSize})};
  Graph graph =
      b.Finish({Attend(b, t, kHeads, [](GraphBuilder& g, ValueId x) { return Scale(g, x, 0.5); })});
  RunPass("fuse_attention", &graph);
  EXPECT_EQ(Ops(graph).find("attention"), std::string::npos);
}

}  // namespace
}  // namespace tilewright
