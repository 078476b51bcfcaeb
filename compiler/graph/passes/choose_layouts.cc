// CPU: convolutions compute on channels blocked by the vector width, NCHW<x>c, so that one vector
// holds x output channels; their weights, and those of dense layers, are packed to match. Layout
// changes are put around each anchor here; cancel_layout_changes removes most of them.
#include <cstring>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "compiler/core/layout.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/operators/define.h"

namespace tilewright {
namespace {

struct Layouts {
  std::string data, weight, out;
};

// Blocked layouts for a transposed convolution; nullopt where the plain ones serve better.
std::optional<Layouts> TransposedLayoutsOf(const Workload& conv, int64_t x) {
  const int64_t in = conv.inputs[0].shape[1], out = OutputShape(conv)[1];
  if (conv.Attr("groups")[0] > 1 || 2 * out < x || 2 * in < x) return std::nullopt;
  const std::string blocked = absl::StrCat("NCHW", x, "c");
  return Layouts{blocked, absl::StrCat("IOHW", x, "i", x, "o"), blocked};
}

// Blocked layouts for a convolution; nullopt where they would waste more than half of the lanes.
std::optional<Layouts> LayoutsOf(const Workload& conv, int64_t x) {
  if (conv.op == "conv2d_transpose") return TransposedLayoutsOf(conv, x);
  const int64_t in = conv.inputs[0].shape[1], out = conv.inputs[1].shape[0];
  const int64_t groups = conv.Attr("groups")[0];
  const std::string data = absl::StrCat("NCHW", x, "c");
  const std::string by_output = absl::StrCat("OIHW", x, "o");
  const std::string by_both = absl::StrCat("OIHW", x, "i", x, "o");
  if (conv.op == "depthwise_conv2d") {
    return out < x ? std::nullopt : std::optional<Layouts>({data, by_output, data});
  }
  if (groups > 1) {
    const bool whole = in / groups % x == 0 && out / groups % x == 0;
    return whole ? std::optional<Layouts>({data, by_both, data}) : std::nullopt;
  }
  if (2 * out < x) return std::nullopt;
  if (in < x) return Layouts{"NCHW", by_output, data};
  return Layouts{data, by_both, data};
}

class LayoutChooser {
 public:
  LayoutChooser(Graph& graph, int64_t lanes) : graph_(graph), x_(lanes) {}

  void Run() {
    const size_t original = graph_.nodes.size();
    for (size_t i = 0; i < original; ++i) {
      const std::optional<Workload>& workload = graph_.nodes[i].workload;
      if (!workload || !HasPlainLayouts(*workload)) continue;
      const std::string op = workload->op;
      if (op == "dense") PackDense(graph_.nodes[i]);
      if (op.find("conv2d") != op.npos) BlockConv(static_cast<int>(i));
    }
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  bool IsConstant(ValueId id) const { return !graph_.values[id].constant.empty(); }

  void PackDense(Node& dense) {
    Workload& workload = *dense.workload;
    if (!IsConstant(dense.inputs[1]) || 2 * workload.inputs[1].shape[0] < x_) return;
    workload.weight_layout = absl::StrCat("NK", x_, "n");
    dense.inputs[1] = Packed(dense.inputs[1], workload.weight_layout);
    dense.compute = Define(workload);
  }

  // By index and value: the graph's nodes move while layout changes are appended.
  void BlockConv(int at) {
    Node conv = graph_.nodes[at];
    Workload& workload = *conv.workload;
    const std::optional<Layouts> layouts = LayoutsOf(workload, x_);
    if (!layouts || !IsConstant(conv.inputs[1]) || !CanPadBiases(conv)) return;
    workload.data_layout = layouts->data;
    workload.weight_layout = layouts->weight;
    workload.out_layout = layouts->out;
    if (layouts->data != "NCHW") conv.inputs[0] = Blocked(conv.inputs[0]);
    conv.inputs[1] = Packed(conv.inputs[1], workload.weight_layout);
    ChangeEpilogueInputs(conv);
    conv.compute = Define(workload);
    const ValueId plain = conv.output;
    conv.output = graph_.AddValue(absl::StrCat(graph_.values[plain].name, "_", layouts->out),
                                  ArgumentTypes(workload).back());
    graph_.values[conv.output].producer = at;
    const ValueId blocked = conv.output;
    graph_.nodes[at] = std::move(conv);
    AppendUnpack(graph_, blocked, plain);
  }

  bool CanPadBiases(const Node& conv) const {
    size_t input = 2;
    for (const EpilogueOp& step : conv.workload->epilogue) {
      const bool bias = step.kind == EpilogueKind::kBias;
      if (bias && !IsConstant(conv.inputs[input]) &&
          graph_.values[conv.inputs[input]].type.shape[0] % x_ != 0) {
        return false;
      }
      input += bias || step.kind == EpilogueKind::kAdd ? 1 : 0;
    }
    return true;
  }

  void ChangeEpilogueInputs(Node& conv) {
    size_t input = 2;
    for (const EpilogueOp& step : conv.workload->epilogue) {
      if (step.kind == EpilogueKind::kBias) PadBias(conv.inputs[input++]);
      if (step.kind == EpilogueKind::kAdd) {
        conv.inputs[input] = Blocked(conv.inputs[input]);
        ++input;
      }
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

  ValueId Blocked(ValueId value) {
    const auto [at, fresh] = blocked_.emplace(value, kNoValue);
    if (fresh) at->second = AppendPack(graph_, value, x_);
    return at->second;
  }

  Graph& graph_;
  const int64_t x_;
  std::map<ValueId, ValueId> blocked_;
  std::map<std::pair<ValueId, std::string>, ValueId> packed_;
};

}  // namespace

absl::Status ChooseLayouts(Graph& graph, const PassContext& context) {
  if (context.target.kind == "cpu") LayoutChooser(graph, VectorLanes(context.target)).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
