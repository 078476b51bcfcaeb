// Carries blocked layouts from one anchor to the next: a definition that reads unpacked channels is
// rewritten over the blocks whenever its indices stay free of divisions, and then
//   unpack -> pack   becomes nothing.
// What grows, and is not packed again further on, reads its inputs unpacked.
#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

constexpr size_t kChannel = 1;

// One definition rewritten over blocks of `x` channels.
class BlockedForm {
 public:
  BlockedForm(const Compute& plain, int64_t x) : plain_(plain), x_(x) {
    const Axis& channel = plain.axes[kChannel];
    outer_ = {.var = Var(channel.var->name + "_outer"), .extent = (channel.extent + x - 1) / x};
    inner_ = {.var = Var(channel.var->name + "_inner"), .extent = x};
  }

  // `blocked` are the inputs, by position, that are read in blocks. nullopt when the definition
  // does not fit: divisions would remain, padding lanes could do harm, or it is a procedure.
  std::optional<Compute> Make(const std::vector<size_t>& blocked) {
    if (HasSteps(plain_)) return std::nullopt;
    if (IsPadded() && !PaddingIsHarmless(blocked)) return std::nullopt;
    Compute compute = plain_;
    compute.output = MakeBuffer(plain_.output->name, plain_.output->dtype,
                                BlockedShape(plain_.output->shape, x_));
    compute.axes[kChannel] = outer_;
    compute.axes.push_back(inner_);
    for (size_t i : blocked) {
      const Buffer& old = plain_.inputs[i];
      compute.inputs[i] = MakeBuffer(old->name, old->dtype, BlockedShape(old->shape, x_));
    }
    compute = RewriteAll(compute,
                         [&](const Expr& e) { return RewriteLoads(e, blocked, compute.inputs); });
    const Ranges ranges = RangesOf(compute);
    compute = RewriteAll(compute, [&](const Expr& root) {
      return Rewrite(root, [&](const Expr& e) { return CompareBlocks(e, ranges); });
    });
    if (CountDivMod(compute) > CountDivMod(plain_)) return std::nullopt;
    return compute;
  }

 private:
  bool IsPadded() const { return plain_.axes[kChannel].extent % x_ != 0; }

  Expr RewriteLoads(Expr e, const std::vector<size_t>& blocked,
                    const std::vector<Buffer>& buffers) const {
    for (size_t i : blocked) {
      e = ReplaceLoads(e, plain_.inputs[i], [&](std::vector<Expr> indices) {
        indices.push_back(FloorMod(indices[kChannel], x_));
        indices[kChannel] = FloorDiv(indices[kChannel], x_);
        return Load(buffers[i], std::move(indices));
      });
    }
    const Expr channel = outer_.var * x_ + inner_.var;
    return Substitute(e, {{plain_.axes[kChannel].var.get(), channel}});
  }

  // A comparison of channels that decides whole blocks (concatenation) compares the blocks, so
  // that all lanes of a vector go the same way.
  Expr CompareBlocks(const Expr& e, const Ranges& ranges) const {
    if (e->kind != ExprKind::kBinary || (e->op != BinaryOp::kLt && e->op != BinaryOp::kLe)) {
      return e;
    }
    const bool above = AsInt(e->operands[0]) != nullptr;  // limit <= value
    const int64_t* limit = AsInt(e->operands[above ? 0 : 1]);
    const Expr& value = e->operands[above ? 1 : 0];
    if (limit == nullptr || !UsesVar(value, inner_.var)) return e;
    // All four forms are about value < first.
    const int64_t first = *limit + ((e->op == BinaryOp::kLe) == above ? 0 : 1);
    const Expr block = Simplify(FloorDiv(value, x_), ranges);
    if (first % x_ != 0 || UsesVar(block, inner_.var)) return e;
    return above ? Le(Int(first / x_), block) : Lt(block, Int(first / x_));
  }

  // The lanes past the last channel may compute anything finite, from finite values; they must
  // read nothing but the same lanes of their inputs.
  bool PaddingIsHarmless(const std::vector<size_t>& blocked) const {
    for (size_t i = 0; i < plain_.inputs.size(); ++i) {
      const bool is_blocked = std::find(blocked.begin(), blocked.end(), i) != blocked.end();
      const Expr& channel = plain_.axes[kChannel].var;
      for (const Expr& load : LoadsOf(plain_, plain_.inputs[i])) {
        const bool same_lane = is_blocked && load->operands[kChannel] == channel &&
                               load->buffer->shape[kChannel] == plain_.axes[kChannel].extent;
        if (!same_lane && UsesVar(load, channel)) return false;
      }
    }
    const std::vector<Expr> exprs = ExprsOf(plain_);
    return std::all_of(exprs.begin(), exprs.end(), StaysFinite);
  }

  static bool StaysFinite(const Expr& root) {
    static const std::set<std::string> kBounded = {"abs",  "neg",   "tanh", "erf",
                                                   "sign", "floor", "ceil", "round"};
    bool finite = true;
    ForEachExpr(root, [&](const Expr& e) {
      const bool computes = e->kind == ExprKind::kCall && e->dtype != DType::kBool;
      if (computes) finite = finite && kBounded.contains(e->name);
      const bool divides = e->kind == ExprKind::kBinary && e->op == BinaryOp::kDiv;
      if (divides && IsFloat(e->dtype)) finite = finite && !ReadsAnything(e->operands[1]);
    });
    return finite;
  }

  const Compute& plain_;
  const int64_t x_;
  Axis outer_, inner_;
};

class Canceller {
 public:
  explicit Canceller(Graph& graph) : graph_(graph), wanted_(WantedInBlocks(graph)) {}

  void Run() {
    const size_t original = graph_.nodes.size();
    for (size_t i = 0; i < original; ++i) {
      const Node& node = graph_.nodes[i];
      if (IsPack(node)) {
        Cancel(node);
      } else if (!node.workload && node.to_layout.empty()) {
        Carry(static_cast<int>(i));
      }
    }
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  // For each value, whether a pack reads it, perhaps through nodes that blocks may be carried
  // through.
  static std::vector<bool> WantedInBlocks(const Graph& graph) {
    std::vector<bool> wanted(graph.values.size());
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
      const bool carries = !node->workload && node->to_layout.empty() && wanted[node->output];
      if (!IsPack(*node) && !carries) continue;
      for (const ValueId input : node->inputs) wanted[input] = true;
    }
    return wanted;
  }

  // A node that makes more than it reads, such as a resizing one: its inputs are cheaper to unpack.
  bool Grows(const Node& node, const std::vector<size_t>& blocked) const {
    int64_t read = 0;
    for (const size_t i : blocked) read += NumElements(graph_.values[node.inputs[i]].type.shape);
    return NumElements(node.compute.output->shape) > read;
  }

  // What `value` is unpacked from; kNoValue when it is not.
  ValueId BlockedSource(ValueId value) const {
    const Node* producer = ProducerOf(graph_, value);
    return producer != nullptr && IsUnpack(*producer) ? producer->inputs[0] : kNoValue;
  }

  void Cancel(const Node& pack) {
    const ValueId source = BlockedSource(pack.inputs[0]);
    if (source == kNoValue) return;
    const ValueId output = pack.output;
    if (graph_.values[source].type == graph_.values[output].type) {
      ReplaceUses(graph_, output, source);
    }
  }

  void Carry(int at) {
    Node node = graph_.nodes[at];
    int64_t block = 0;
    std::vector<size_t> blocked;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId source = BlockedSource(node.inputs[i]);
      if (source == kNoValue) continue;
      const int64_t lanes = graph_.values[source].type.shape.back();
      if (block == 0) block = lanes;
      if (lanes == block) blocked.push_back(i);
    }
    const std::vector<Axis>& axes = node.compute.axes;
    const bool has_channels = axes.size() > kChannel && axes.size() < kMaxRank;
    if (blocked.empty() || !has_channels || axes[kChannel].extent < block) return;
    if (!wanted_[node.output] && Grows(node, blocked)) return;
    std::optional<Compute> compute = BlockedForm(node.compute, block).Make(blocked);
    if (!compute) return;
    for (size_t i : blocked) node.inputs[i] = BlockedSource(node.inputs[i]);
    node.compute = *std::move(compute);
    Replace(at, std::move(node));
  }

  void Replace(int at, Node node) {
    const ValueId plain = node.output;
    const Buffer& made = node.compute.output;
    const std::string layout = ChannelLayoutName(made->shape.size() - 1, made->shape.back());
    node.output = graph_.AddValue(absl::StrCat(graph_.values[plain].name, "_", layout),
                                  {.dtype = made->dtype, .shape = made->shape});
    graph_.values[node.output].producer = at;
    const ValueId blocked = node.output;
    graph_.nodes[at] = std::move(node);
    AppendUnpack(graph_, blocked, plain);
  }

  Graph& graph_;
  const std::vector<bool> wanted_;  // of the values that were there before
};

}  // namespace

absl::Status CancelLayoutChanges(Graph& graph, const PassContext&) {
  Canceller(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
