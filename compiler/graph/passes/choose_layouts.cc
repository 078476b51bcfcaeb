// CPU: convolutions compute on channels blocked by the vector width, NCHW<x>c, so that one vector
// holds x output channels; their weights, and those of dense layers, are packed to match. Layout
// changes are put around each anchor here; cancel_layout_changes removes most of them. A depthwise
// convolution between anchors that stay plain stays so too: it gains less from blocks than changing
// the layout twice costs, as long as its lanes are neighbours in memory and mostly used.
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/core/layout.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// What an anchor's channels become in blocks of x; nullopt where they stay plain.
std::optional<WorkloadLayouts> BlockedLayouts(const Graph& graph, const Node& anchor, int64_t x) {
  const std::optional<WorkloadLayouts> layouts =
      OperatorOf(*anchor.workload).blocked(*anchor.workload, x);
  const bool packs = layouts && !graph.values[anchor.inputs[1]].constant.empty();
  return packs ? layouts : std::nullopt;
}

enum class Side { kBefore, kBehind };

// Whether the anchors that a node's data come from, and those that its output goes to, are plain.
class PlainSurroundings {
 public:
  PlainSurroundings(const Graph& graph, int64_t x) : graph_(graph), x_(x) {}

  bool Of(const Node& node) const {
    return ArePlain(node.inputs[0], Side::kBefore) && ArePlain(node.output, Side::kBehind);
  }

 private:
  // True when nodes on that side of `value` lead to an anchor, and to none that will be blocked.
  bool ArePlain(ValueId value, Side side) const {
    std::set<ValueId> seen = {value};
    std::vector<ValueId> open = {value};
    bool met = false;
    while (!open.empty()) {
      const std::vector<int> nodes = NodesAt(open.back(), side);
      open.pop_back();
      for (const int i : nodes) {
        const Node& node = graph_.nodes[i];
        if (node.workload && !StaysPlain(node)) return false;
        met = met || node.workload;
        if (node.workload) continue;
        for (const ValueId next : side == Side::kBefore ? node.inputs : std::vector{node.output}) {
          if (seen.insert(next).second) open.push_back(next);
        }
      }
    }
    return met;
  }

  std::vector<int> NodesAt(ValueId value, Side side) const {
    if (side == Side::kBehind) return graph_.ConsumersOf(value);
    const int producer = graph_.values[value].producer;
    return producer < 0 ? std::vector<int>{} : std::vector{producer};
  }

  bool StaysPlain(const Node& anchor) const {
    return HasPlainLayouts(*anchor.workload) && !BlockedLayouts(graph_, anchor, x_);
  }

  const Graph& graph_;
  const int64_t x_;
};

class LayoutChooser {
 public:
  LayoutChooser(Graph& graph, int64_t lanes) : graph_(graph), x_(lanes) {}

  void Run() {
    std::vector<int> anchors;
    const PlainSurroundings surroundings(graph_, x_);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (!node.workload || !HasPlainLayouts(*node.workload)) continue;
      if (FillsPlainVectors(*node.workload) && surroundings.Of(node)) continue;
      anchors.push_back(static_cast<int>(i));
    }
    for (const int anchor : anchors) Block(anchor);
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  bool FillsPlainVectors(const Workload& workload) const {
    return workload.op == "depthwise_conv2d" && workload.Attr("strides")[1] == 1 &&
           2 * OutputShape(workload)[3] >= x_;
  }

  bool IsConstant(ValueId id) const { return !graph_.values[id].constant.empty(); }

  // By index and value: the graph's nodes move while layout changes are appended.
  void Block(int at) {
    Node anchor = graph_.nodes[at];
    Workload& workload = *anchor.workload;
    const std::optional<WorkloadLayouts> layouts = BlockedLayouts(graph_, anchor, x_);
    if (!layouts) return;
    const bool blocks_output = layouts->out != workload.out_layout;
    if (blocks_output && !CanPadBiases(anchor)) return;
    if (layouts->data != workload.data_layout) {
      const int64_t block = Layout::Parse(layouts->data).value().BlockOf('C');
      anchor.inputs[0] = Blocked(anchor.inputs[0], block);
    }
    anchor.inputs[1] = Packed(anchor.inputs[1], layouts->weight);
    workload.data_layout = layouts->data;
    workload.weight_layout = layouts->weight;
    workload.out_layout = layouts->out;
    if (blocks_output) ChangeEpilogueInputs(anchor);
    anchor.compute = Define(workload);
    if (!blocks_output) {
      graph_.nodes[at] = std::move(anchor);
      return;
    }
    UnpackOutput(at, std::move(anchor));
  }

  void UnpackOutput(int at, Node anchor) {
    const ValueId plain = anchor.output;
    const Workload& workload = *anchor.workload;
    anchor.output =
        graph_.AddValue(absl::StrCat(graph_.values[plain].name, "_", workload.out_layout),
                        ArgumentTypes(workload).back());
    graph_.values[anchor.output].producer = at;
    const ValueId blocked = anchor.output;
    graph_.nodes[at] = std::move(anchor);
    AppendUnpack(graph_, blocked, plain);
  }

  bool CanPadBiases(const Node& anchor) const {
    size_t input = 2;
    for (const EpilogueOp& step : anchor.workload->epilogue) {
      const EpilogueOperand operand = OperandOf(step.kind);
      if (operand == EpilogueOperand::kPerChannel && !IsConstant(anchor.inputs[input]) &&
          graph_.values[anchor.inputs[input]].type.shape[0] % x_ != 0) {
        return false;
      }
      input += operand == EpilogueOperand::kNone ? 0 : 1;
    }
    return true;
  }

  void ChangeEpilogueInputs(Node& anchor) {
    size_t input = 2;
    for (const EpilogueOp& step : anchor.workload->epilogue) {
      const EpilogueOperand operand = OperandOf(step.kind);
      if (operand == EpilogueOperand::kNone) continue;
      ValueId& value = anchor.inputs[input++];
      if (operand == EpilogueOperand::kPerChannel) PadBias(value);
      if (operand == EpilogueOperand::kLikeOutput) value = Blocked(value, x_);
    }
  }

  void PadBias(ValueId& bias) {
    if (graph_.values[bias].type.shape[0] % x_ == 0) return;
    const Tensor plain = graph_.values[bias].constant;
    Tensor padded({.dtype = plain.dtype(), .shape = {(plain.size() + x_ - 1) / x_ * x_}});
    std::memcpy(padded.data(), plain.data(), plain.bytes());
    bias = graph_.AddConstant(graph_.values[bias].name, std::move(padded));
  }

  // The packed constant. The plain one is freed at once when nobody else reads it, so that a
  // model's weights are never held twice.
  ValueId Packed(ValueId weight, const std::string& layout) {
    const auto [at, fresh] = packed_.emplace(std::pair(weight, layout), kNoValue);
    if (!fresh) return at->second;
    const bool last = OnlyConsumer(graph_, weight) >= 0;
    const std::string name = absl::StrCat(graph_.values[weight].name, "_", layout);
    at->second = graph_.AddConstant(
        name, PackTensor(graph_.values[weight].constant, Layout::Parse(layout).value()));
    if (last) graph_.values[weight].constant = Tensor();
    return at->second;
  }

  ValueId Blocked(ValueId value, int64_t block) {
    const auto [at, fresh] = blocked_.emplace(std::pair(value, block), kNoValue);
    if (fresh) at->second = AppendPack(graph_, value, block);
    return at->second;
  }

  Graph& graph_;
  const int64_t x_;
  std::map<std::pair<ValueId, int64_t>, ValueId> blocked_;
  std::map<std::pair<ValueId, std::string>, ValueId> packed_;
};

}  // namespace

absl::Status ChooseLayouts(Graph& graph, const PassContext& context) {
  if (context.target.kind == "cpu") LayoutChooser(graph, VectorLanes(context.target)).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
