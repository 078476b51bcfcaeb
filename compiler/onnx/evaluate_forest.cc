// A walk through a tree is a chain of loads that wait for each other, so several trees are walked
// at once, all as many steps as the deepest of them has: who has arrived stays at its leaf. No step
// has a branch that could be mispredicted. Several rows go through these trees before the next ones
// do, which are read into the cache once for all of them.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/forest.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// So many chains hide each other's latency and still fit the registers.
constexpr size_t kTreesAtOnce = 16;
// So many rows read a tree from the cache almost always; fewer where there are few, for threads.
constexpr int64_t kMostRowsAtOnce = 64, kFewestParts = 16;

// The procedure's inputs, in order.
enum Operand {
  kRowsOfX,
  kNextNode,
  kFeatureOf,
  kSplitOf,
  kNanIsTrue,
  kRootOf,
  kDepthOf,
  kWeightsOf,
  kTargetOf,
  kWeightOf
};

template <typename T>
ValueId Table(OpBuilder& b, DType dtype, const std::vector<T>& values, Shape shape = {}) {
  if (shape.empty()) shape = {static_cast<int64_t>(values.size())};
  return b.Constant(Tensor({dtype, std::move(shape)}, values));
}

ValueId FloatTable(OpBuilder& b, DType dtype, const std::vector<double>& values) {
  Tensor table({dtype, {static_cast<int64_t>(values.size())}});
  for (size_t i = 0; i < values.size(); ++i) table.Set(static_cast<int64_t>(i), values[i]);
  return b.Constant(std::move(table));
}

// Fills the last block with trees of one leaf, which has no weight.
void PadTrees(size_t block, ForestTables& tables) {
  if (tables.roots.size() % block == 0) return;
  const auto nothing = static_cast<int32_t>(tables.feature.size());
  tables.feature.push_back(0);
  tables.split.push_back(std::numeric_limits<double>::quiet_NaN());
  tables.nan_is_true.push_back(false);
  tables.next.insert(tables.next.end(), {nothing, nothing});
  tables.weights_begin.push_back(tables.weights_begin.back());
  while (tables.roots.size() % block != 0) {
    tables.roots.push_back(nothing);
    tables.depths.push_back(0);
  }
}

std::vector<int64_t> DeepestOfBlocks(const std::vector<int64_t>& depths, size_t block) {
  std::vector<int64_t> deepest;
  for (size_t i = 0; i < depths.size(); i += block) {
    deepest.push_back(*std::max_element(depths.begin() + static_cast<std::ptrdiff_t>(i),
                                        depths.begin() + static_cast<std::ptrdiff_t>(i + block)));
  }
  return deepest;
}

// How trees are walked: `block` of them at a time.
struct WalkRule {
  Reducer reducer;
  int64_t block;
  bool asks_nan;
};

// Evaluates one row.
class RowWalk {
 public:
  RowWalk(const std::vector<Buffer>& in, Buffer out, Expr row, const WalkRule& rule)
      : in_(in),
        out_(std::move(out)),
        row_(std::move(row)),
        block_(rule.block),
        reducer_(rule.reducer),
        asks_nan_(rule.asks_nan),
        at_(MakeBuffer("at", DType::kI64, {rule.block}, Scope::kStack)) {}

  Stmt Clear() const {
    return InOrder("t", Int(out_->shape[1]), [&](const Expr& t) {
      return Store(out_, {row_, t}, InitialValue(reducer_, out_->dtype));
    });
  }

  // Through the trees of one block.
  Stmt WalkBlock(const Expr& b) const {
    const Stmt start = OfEachTree("k", LoopKind::kUnrolled, [&](const Expr& k) {
      return Store(at_, {k}, Load(in_[kRootOf], {b * block_ + k}));
    });
    const Stmt steps = InOrder("s", Load(in_[kDepthOf], {b}), [&](const Expr&) {
      return OfEachTree("w", LoopKind::kUnrolled, [&](const Expr& k) { return Step(k); });
    });
    const Stmt leaves = OfEachTree("l", LoopKind::kSerial, [&](const Expr& k) { return Weigh(k); });
    return Alloc(at_, Seq({start, steps, leaves}));
  }

 private:
  Expr Index(Operand table, std::vector<Expr> at) const {
    return Cast(Load(in_[table], std::move(at)), DType::kI64);
  }
  Stmt OfEachTree(const char* name, LoopKind loop,
                  const std::function<Stmt(const Expr&)>& body) const {
    const Expr k = Var(name);
    return For(k, block_, loop, body(k));
  }

  Stmt Step(const Expr& k) const {
    const Expr node = Load(at_, {k}), x = Load(in_[kRowsOfX], {row_, Index(kFeatureOf, {node})});
    Expr holds = Le(x, Load(in_[kSplitOf], {node}));
    if (asks_nan_)
      holds = Or(holds, Binary(BinaryOp::kAnd, IsNan(x), Load(in_[kNanIsTrue], {node})));
    return Store(at_, {k}, Index(kNextNode, {node, Select(holds, Int(1), Int(0))}));
  }

  Stmt Weigh(const Expr& k) const {
    const Expr leaf = Load(at_, {k}), begin = Load(in_[kWeightsOf], {leaf});
    return InOrder("v", Load(in_[kWeightsOf], {leaf + 1}) - begin, [&](const Expr& i) {
      const Expr target = Index(kTargetOf, {begin + i});
      const Expr sum =
          Combine(reducer_, Load(out_, {row_, target}), Load(in_[kWeightOf], {begin + i}));
      return Store(out_, {row_, target}, sum);
    });
  }

  const std::vector<Buffer>& in_;
  const Buffer out_;
  const Expr row_;
  const int64_t block_;
  const Reducer reducer_;
  const bool asks_nan_;
  const Buffer at_;
};

// Targets without a weight keep the reduction's start.
absl::StatusOr<ValueId> WithoutStart(OpBuilder& b, ValueId sums, Reducer reducer) {
  if (reducer == Reducer::kSum) return sums;
  return Map(b, "weighed", {sums}, [&](const Exprs& v) {
    return Select(Eq(v[0], InitialValue(reducer, v[0]->dtype)), Const(0, v[0]->dtype), v[0]);
  });
}

bool AsksNan(const ForestTables& t) {
  return std::find(t.nan_is_true.begin(), t.nan_is_true.end(), true) != t.nan_is_true.end();
}

// Where NaN goes, at every node; one element where none asks.
Tensor NanTable(const ForestTables& t) {
  if (!AsksNan(t)) return Tensor({DType::kBool, {1}});
  Tensor table({DType::kBool, {static_cast<int64_t>(t.nan_is_true.size())}});
  for (int64_t i = 0; i < table.size(); ++i) table.Set(i, t.nan_is_true[static_cast<size_t>(i)]);
  return table;
}

// In the order of Operand.
std::vector<ValueId> MakeOperands(OpBuilder& b, ValueId x, ForestTables t, size_t block) {
  const DType dtype = b.DTypeOf(x);
  if (t.weight.empty()) t.weight = {0}, t.weight_target = {0};  // of no leaf
  return {x,
          Table(b, DType::kI32, t.next, {static_cast<int64_t>(t.feature.size()), 2}),
          Table(b, DType::kI32, t.feature),
          FloatTable(b, dtype, t.split),
          b.Constant(NanTable(t)),
          Table(b, DType::kI64, t.roots),
          Table(b, DType::kI64, DeepestOfBlocks(t.depths, block)),
          Table(b, DType::kI64, t.weights_begin),
          Table(b, DType::kI32, t.weight_target),
          FloatTable(b, dtype, t.weight)};
}

}  // namespace

absl::StatusOr<ValueId> EvaluateForest(OpBuilder& b, const Forest& forest, ValueId x) {
  const TensorType out{b.DTypeOf(x), {b.ShapeOf(x)[0], forest.targets}};
  if (forest.roots.empty()) return absl::InvalidArgumentError("has no trees");
  if (forest.targets < 1) return absl::InvalidArgumentError("has no targets");
  TW_ASSIGN_OR_RETURN(ForestTables tables, TabulateForest(forest, b.ShapeOf(x)[1], out.dtype));
  const size_t block = std::min(kTreesAtOnce, tables.roots.size());
  PadTrees(block, tables);
  const int64_t rows = out.shape[0];
  const int64_t part =
      std::clamp<int64_t>((rows + kFewestParts - 1) / kFewestParts, 1, kMostRowsAtOnce);
  // A part's steps, so that parts are threads where that is worth it.
  const int64_t steps =
      part * std::min(std::accumulate(tables.depths.begin(), tables.depths.end(), int64_t{1}),
                      int64_t{1} << 20);
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& y) {
    return ForRows({(rows + part - 1) / part, steps}, 1, [&](Exprs at) {
      const auto each_row = [&](const char* name, const auto& what) {
        const Expr first = at[0] * part;
        return InOrder(name, Min(Int(part), Int(rows) - first), [&](const Expr& r) {
          return what(RowWalk(in, y, Min(first + r, Int(rows - 1)),
                              {forest.reducer, static_cast<int64_t>(block), AsksNan(tables)}));
        });
      };
      const Stmt clear = each_row("c", [](const RowWalk& row) { return row.Clear(); });
      return Seq({clear, InOrder("b", Int(in[kDepthOf]->shape[0]), [&](const Expr& b) {
                    return each_row("r", [&](const RowWalk& row) { return row.WalkBlock(b); });
                  })});
    });
  };
  TW_ASSIGN_OR_RETURN(const ValueId sums,
                      b.EmitProcedure({.op = "forest",
                                       .inputs = MakeOperands(b, x, tables, block),
                                       .type = out,
                                       .body = body}));
  return WithoutStart(b, sums, forest.reducer);
}

}  // namespace tilewright
