// x -> f and x -> g -> h, both into a map   becomes   one map of x.
//
// Exporters write an activation such as x * sigmoid(x) or GELU as several nodes. Joined, it is one
// map, which reshapes pass (sink_reshapes) and epilogues take in (fuse_epilogues). So is the factor
// behind it, as in x * (1 + erf(...)) * 0.5.
#include <algorithm>
#include <optional>
#include <set>

#include "compiler/graph/edit.h"
#include "compiler/graph/function_text.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// Activations are smaller than these.
constexpr int kLongestBranch = 8;
constexpr int64_t kMostNodes = 200;

class Joiner {
 public:
  explicit Joiner(Graph& graph) : graph_(graph), readers_(CountReaders(graph)) {}

  void Run() {
    for (Node& node : graph_.nodes) {
      if (node.workload || !IsMap(node.compute)) continue;
      bool joins = ScalesJoined(node) && TakeIn(node, 0);
      for (std::optional<size_t> i = BranchOf(node); i && TakeIn(node, *i); i = BranchOf(node)) {
        joins = true;
      }
      if (joins) joined_.insert(node.output);
    }
    EraseDeadNodes(graph_);
  }

 private:
  // Whether it is a joined map times a literal, for which alone that map is there.
  bool ScalesJoined(const Node& node) const {
    if (node.inputs.size() != 1 || readers_[node.inputs[0]] != 1) return false;
    if (joined_.count(node.inputs[0]) == 0) return false;
    if (!ReadsAtAxes(node.compute, node.compute.inputs[0])) return false;
    const Expr value = Unrounded(ValueOf(node.compute));
    if (value->kind != ExprKind::kBinary || value->op != BinaryOp::kMul) return false;
    const Expr left = Unrounded(value->operands[0]), right = Unrounded(value->operands[1]);
    const auto is = [](const Expr& e, ExprKind kind) { return e->kind == kind; };
    return (is(left, ExprKind::kFloat) && is(right, ExprKind::kLoad)) ||
           (is(left, ExprKind::kLoad) && is(right, ExprKind::kFloat));
  }

  // The first input that comes from where another one comes from too.
  std::optional<size_t> BranchOf(const Node& node) const {
    std::vector<ValueId> roots;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const bool here = ReadsAtAxes(node.compute, node.compute.inputs[i]);
      roots.push_back(here ? RootOf(node.inputs[i]) : kNoValue);
    }
    for (size_t i = 0; i < roots.size(); ++i) {
      const bool shared =
          roots[i] != kNoValue && std::count(roots.begin(), roots.end(), roots[i]) > 1;
      if (shared && roots[i] != node.inputs[i]) return i;
    }
    return std::nullopt;
  }

  // Where the maps of one input that lead to `value` begin; the value itself where there are none.
  ValueId RootOf(ValueId value) const {
    for (int length = 0; length < kLongestBranch; ++length) {
      const Node* link = ProducerOf(graph_, value);
      const bool is_link = link != nullptr && !link->workload && readers_[value] == 1 &&
                           link->inputs.size() == 1 && IsMap(link->compute) &&
                           ReadsAtAxes(link->compute, link->compute.inputs[0]);
      if (!is_link) break;
      value = link->inputs[0];
    }
    return value;
  }

  // The node takes in the map that makes its input `i`.
  bool TakeIn(Node& node, size_t i) {
    Node& link = graph_.nodes[graph_.values[node.inputs[i]].producer];
    const auto joined = Inline(link.compute, node.compute, node.compute.inputs[i]);
    if (!joined) return false;
    std::vector<ValueId> inputs = node.inputs;
    inputs.erase(inputs.begin() + static_cast<ptrdiff_t>(i));
    const bool twice = std::count(inputs.begin(), inputs.end(), link.inputs[0]) > 0;
    inputs.push_back(link.inputs[0]);
    Compute compute = NormalizeInputs(*joined, &inputs);
    if (CountNodes(compute) > kMostNodes) return false;
    readers_[link.inputs[0]] -= twice ? 1 : 0;
    node.op = link.op + "_" + node.op;
    node.compute = std::move(compute);
    node.inputs = std::move(inputs);
    link.inputs.clear();  // dead, and no reader of anything
    return true;
  }

  Graph& graph_;
  std::vector<int> readers_;
  std::set<ValueId> joined_;
};

}  // namespace

absl::Status JoinBranches(Graph& graph, const PassContext&) {
  Joiner(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
