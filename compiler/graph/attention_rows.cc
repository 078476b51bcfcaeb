#include "compiler/graph/attention_rows.h"

#include <algorithm>
#include <utility>

#include "compiler/graph/edit.h"
#include "compiler/graph/input_list.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/attention.h"

namespace tilewright {
namespace {

// Scores and weights of a query: in the second cache beside what streams through it.
constexpr int64_t kMostRowBytes = 128 << 10;

// Rows are [batch * groups, heads / groups * queries]: those that share keys are neighbours.
class RowsOf {
 public:
  RowsOf(const Graph& graph, const Node& product, const FoundAttention& found)
      : graph_(graph), product_(product), found_(found), inputs_(graph) {
    const Shape& query = ShapeOf(found.query);
    size_ = query[2];
    keys_ = ShapeOf(found.value)[1];
    ranges_[group_.get()] = {0, query[0] - 1};
    ranges_[row_.get()] = {0, query[1] - 1};
  }

  Node Define() {
    Compute c{.name = "attention_rows", .output = product_.compute.output, .rows = 2};
    const Expr e = Axis("e", c.output->shape[2]), n = Axis("n", keys_);
    c.axes = {{group_, c.output->shape[0]}, {row_, c.output->shape[1]}, {e, c.output->shape[2]}};
    const Compute scores = Scores(), maximum = Reduced("stage1", Reducer::kMax, scores.output);
    const Compute weights = Weights(scores.output, maximum.output);
    Compute total = Reduced("stage3", Reducer::kSum, weights.output);
    total.acc = Var("total", DType::kF32);
    total.result = Factor(total.acc);
    c.reduce = {{n, keys_}};
    c.reducer = Reducer::kSum;
    c.body = Load(weights.output, {n}) * Cast(Read(found_.value, {group_, n, e}, {e}), DType::kF32);
    c.acc = Var("sum", DType::kF32);
    c.result = Cast(c.acc * Load(total.output, {Int(0)}), c.output->dtype);
    c.stages = {scores, maximum, weights, total};
    Node node{.name = product_.name, .op = c.name, .output = product_.output};
    node.compute = std::move(c);
    inputs_.MoveTo(&node);
    return node;
  }

 private:
  const Shape& ShapeOf(ValueId value) const { return graph_.values[value].type.shape; }

  static Buffer Scratch(const char* name, int64_t elements) {
    return MakeBuffer(name, DType::kF32, {elements}, Scope::kStack);
  }

  Expr Axis(const char* name, int64_t extent) {
    const Expr var = Var(name);
    ranges_[var.get()] = {0, extent - 1};
    return var;
  }

  Compute Scores() {
    Compute c{.name = "stage0", .output = Scratch("stage0", keys_)};
    const Expr n = Axis("n", keys_), d = Axis("d", size_);
    c.axes = {{n, keys_}};
    c.reduce = {{d, size_}};
    c.reducer = Reducer::kSum;
    const Expr query = Read(found_.query, {group_, row_, d}, {d});
    const Expr key = Read(found_.key, {group_, d, n}, {d, n});
    c.body = Cast(query, DType::kF32) * Cast(key, DType::kF32);
    c.acc = Var("product", DType::kF32);
    c.result = Score(found_.scale == 1 ? c.acc : c.acc * Float(found_.scale), n);
    return c;
  }

  Compute Weights(const Buffer& scores, const Buffer& maximum) {
    Compute c{.name = "stage2", .output = Scratch("stage2", keys_)};
    const Expr n = Axis("n", keys_);
    c.axes = {{n, keys_}};
    const Expr shift = SoftmaxShift(Load(maximum, {Int(0)}));
    c.body = Call("exp", {Load(scores, {n}) - shift}, DType::kF32);
    return c;
  }

  Compute Reduced(const char* name, Reducer reducer, const Buffer& from) {
    Compute c{.name = name, .output = Scratch(name, 1)};
    const Expr n = Axis("n", keys_);
    c.axes = {{Var("one"), 1}};
    c.reduce = {{n, keys_}};
    c.reducer = reducer;
    c.body = Load(from, {n});
    return c;
  }

  // Masked, and hidden where the query does not see the key.
  Expr Score(Expr product, const Expr& key) {
    const int64_t shared = found_.heads / found_.groups;
    const ScorePlace at = {
        .batch = FloorDiv(group_, found_.groups),
        .head = FloorMod(group_, found_.groups) * shared + FloorDiv(row_, found_.queries),
        .query = FloorMod(row_, found_.queries),
        .key = key};
    if (found_.mask) product = product + Cast(MaskAt(at), DType::kF32);
    return Simplify(HideKeys(found_.causal, std::move(product), at), ranges_);
  }

  Expr MaskAt(const ScorePlace& at) {
    const Compute& mask = found_.mask->compute;
    const std::vector<Expr> place = {at.batch, at.head, at.query, at.key};
    Substitution moved;
    for (size_t i = 0; i < place.size(); ++i) {
      moved[mask.axes[i].var.get()] = mask.axes[i].extent == 1 ? Int(0) : place[i];
    }
    Expr value = Substitute(ValueOf(mask), moved);
    for (size_t i = 0; i < mask.inputs.size(); ++i) {
      const Buffer input = inputs_.BufferOf(found_.mask->inputs[i]);
      value = ReplaceLoads(value, mask.inputs[i],
                           [&](const std::vector<Expr>& indices) { return Load(input, indices); });
    }
    return value;
  }

  Expr Factor(const Expr& total) const { return SoftmaxFactor(found_.empty_rows, total); }

  // An element of `value`, or of what it was copied from, as long as a step of one of the variables
  // `along` is a step in memory there.
  Expr Read(ValueId value, std::vector<Expr> indices, const std::vector<Expr>& along) {
    Expr best = Load(Place(value), indices);
    ValueId source = value;
    for (const Node* node = ProducerOf(graph_, value);
         node != nullptr && !node->workload && IsMap(node->compute) &&
         ValueOf(node->compute)->kind == ExprKind::kLoad;
         node = ProducerOf(graph_, value)) {
      Substitution moved;
      for (size_t i = 0; i < indices.size(); ++i) {
        moved[node->compute.axes[i].var.get()] = indices[i];
      }
      const Expr load = ValueOf(node->compute);
      const auto& buffers = node->compute.inputs;
      value =
          node->inputs[std::find(buffers.begin(), buffers.end(), load->buffer) - buffers.begin()];
      indices.clear();
      for (const Expr& index : load->operands) {
        indices.push_back(Simplify(Substitute(index, moved), ranges_));
      }
      const Expr behind = Load(Place(value), indices);
      const bool walks = std::any_of(along.begin(), along.end(), [&](const Expr& var) {
        return UsesVar(behind, var) && WalksMemory(behind, var);
      });
      if (!walks) continue;
      best = behind;
      source = value;
    }
    return Load(inputs_.BufferOf(source), best->operands);
  }

  // Stands for a value while it is not decided that it is read.
  Buffer Place(ValueId value) const {
    const TensorType& type = graph_.values[value].type;
    return MakeBuffer("place", type.dtype, type.shape);
  }

  const Graph& graph_;
  const Node& product_;
  const FoundAttention& found_;
  int64_t size_, keys_;
  const Expr group_ = Var("g"), row_ = Var("r");
  Ranges ranges_;
  InputList inputs_;
};

}  // namespace

std::optional<Node> AttentionByRows(const Graph& graph, const Node& product,
                                    const FoundAttention& found) {
  const int64_t keys = graph.values[found.value].type.shape[1];
  constexpr int64_t kBuffers = 2;  // of a row: scores and weights
  if (keys * kBuffers * static_cast<int64_t>(sizeof(float)) > kMostRowBytes) return std::nullopt;
  return RowsOf(graph, product, found).Define();
}

}  // namespace tilewright
