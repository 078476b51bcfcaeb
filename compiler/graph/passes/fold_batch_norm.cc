// conv -> a[c] * x + b[c]   becomes   conv with weights scaled by a and bias b.
//
// Anything affine in the convolution's (or dense layer's) output with per-channel constants is
// folded: batch normalisation however it was decomposed, and plain bias additions. Where there is
// nothing to fold into, the constants are at least collected into one scale and one shift.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/graph/affine.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

constexpr size_t kChannelAxis = 1;

// scale[c] * x + shift[c], evaluated. An empty tensor stands for 1 and 0.
struct ChannelAffine {
  ValueId x = kNoValue;
  Tensor scale, shift;
};

bool DependsOnlyOnChannel(const Expr& e, const Compute& compute) {
  for (size_t i = 0; i < compute.axes.size(); ++i) {
    if (i != kChannelAxis && e != nullptr && UsesVar(e, compute.axes[i].var)) return false;
  }
  return true;
}

// The position of the only input that is no constant; nullopt when there are more or none.
std::optional<size_t> OnlyVariableInput(const Graph& graph, const Node& node) {
  std::optional<size_t> found;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!graph.values[node.inputs[i]].constant.empty()) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

// e as a tensor over the channels; empty for null.
absl::StatusOr<Tensor> EvaluatePerChannel(const Graph& graph, const Node& node, const Expr& e,
                                          const PassContext& context) {
  if (e == nullptr) return Tensor();
  const int64_t channels = node.compute.output->shape[kChannelAxis];
  Compute vector{.name = "per_channel", .inputs = node.compute.inputs};
  vector.output = MakeBuffer("out", e->dtype, {channels});
  vector.axes = {node.compute.axes[kChannelAxis]};
  vector.body = e;
  std::vector<ValueId> values = node.inputs;
  vector = NormalizeInputs(vector, &values);
  std::vector<Tensor> inputs;
  for (ValueId id : values) inputs.push_back(graph.values[id].constant);
  return context.evaluate(vector, std::move(inputs));
}

absl::StatusOr<std::optional<ChannelAffine>> MatchChannelAffine(const Graph& graph,
                                                                const Node& node,
                                                                const PassContext& context) {
  const Compute& compute = node.compute;
  const std::optional<size_t> input = OnlyVariableInput(graph, node);
  if (node.workload || !IsMap(compute) || compute.axes.size() <= kChannelAxis || !input ||
      compute.output->dtype != DType::kF32 || !ReadsAtAxes(compute, compute.inputs[*input])) {
    return std::nullopt;
  }
  const auto map = AffineInLoad(ValueOf(compute), compute.inputs[*input]);
  if (!map || !DependsOnlyOnChannel(map->scale, compute) ||
      !DependsOnlyOnChannel(map->shift, compute)) {
    return std::nullopt;
  }
  ChannelAffine affine{.x = node.inputs[*input]};
  TW_ASSIGN_OR_RETURN(affine.scale, EvaluatePerChannel(graph, node, map->scale, context));
  TW_ASSIGN_OR_RETURN(affine.shift, EvaluatePerChannel(graph, node, map->shift, context));
  return affine;
}

// Convolutions and dense layers whose outputs nothing else reads and whose parameters are known.
bool CanFoldInto(const Graph& graph, const Node* anchor) {
  if (anchor == nullptr || !anchor->workload || !OperatorOf(*anchor->workload).weighted ||
      !HasPlainLayouts(*anchor->workload)) {
    return false;
  }
  const std::vector<EpilogueOp>& epilogue = anchor->workload->epilogue;
  const bool biased = epilogue.size() == 1 && epilogue[0].kind == EpilogueKind::kBias;
  return OnlyConsumer(graph, anchor->output) >= 0 && (epilogue.empty() || biased) &&
         std::all_of(anchor->inputs.begin() + 1, anchor->inputs.end(),
                     [&](ValueId id) { return !graph.values[id].constant.empty(); });
}

// Which output channel an element of a constant belongs to. Rows of `channels` runs of `run`
// elements follow each other; `rows` of them are of the same channels, those after of the next.
struct ChannelOrder {
  int64_t run = 1, channels = 1, rows = 1;
  int64_t ChannelOf(int64_t element) const {
    const int64_t row = element / run / channels;
    return row / rows * channels + element / run % channels;
  }
};

// Output channels are the only dimension of a bias and one of the weight's: where that is not the
// first, as in transposed weights [C, O/groups, ...], those before it belong to groups.
ChannelOrder OrderOf(const Workload& workload, size_t input, const Tensor& constant) {
  const size_t dim = input == 1 ? OperatorOf(workload).weight_channel : 0;
  const Shape& shape = constant.shape();
  ChannelOrder order{.channels = shape[dim]};
  for (size_t d = dim + 1; d < shape.size(); ++d) order.run *= shape[d];
  for (size_t d = 0; d < dim; ++d) order.rows *= shape[d];
  if (dim > 0) order.rows /= workload.Attr("groups")[0];
  return order;
}

Tensor Scaled(const Tensor& constant, const ChannelOrder& order, const Tensor& scale) {
  Tensor scaled(constant.type());
  for (int64_t i = 0; i < constant.size(); ++i) {
    scaled.as<float>()[i] = constant.as<float>()[i] * scale.as<float>()[order.ChannelOf(i)];
  }
  return scaled;
}

// The anchor's constant multiplied; in place when nothing else reads it, so that no second copy
// stays.
ValueId ScaleConstant(Graph& graph, const Node& anchor, size_t input, const Tensor& scale) {
  const ValueId id = anchor.inputs[input];
  if (scale.empty()) return id;
  const Tensor& constant = graph.values[id].constant;
  Tensor scaled = Scaled(constant, OrderOf(*anchor.workload, input, constant), scale);
  if (OnlyConsumer(graph, id) < 0) return graph.AddConstant(graph.values[id].name, scaled);
  graph.values[id].constant = std::move(scaled);
  return id;
}

ValueId AddConstants(Graph& graph, ValueId id, const Tensor& shift) {
  if (shift.empty()) return id;
  const Tensor& old = graph.values[id].constant;
  Tensor sum(old.type());
  for (int64_t i = 0; i < sum.size(); ++i) {
    sum.as<float>()[i] = old.as<float>()[i] + shift.as<float>()[i];
  }
  return graph.AddConstant(graph.values[id].name, std::move(sum));
}

// The node becomes the anchor with its parameters changed; the anchor dies.
void FoldInto(Graph& graph, Node anchor, int at, const ChannelAffine& affine) {
  const ValueId output = graph.nodes[at].output;
  anchor.inputs[1] = ScaleConstant(graph, anchor, 1, affine.scale);
  if (!anchor.workload->epilogue.empty()) {
    const ValueId scaled = ScaleConstant(graph, anchor, 2, affine.scale);
    anchor.inputs[2] = AddConstants(graph, scaled, affine.shift);
  } else if (!affine.shift.empty()) {
    anchor.workload->epilogue.push_back({.kind = EpilogueKind::kBias});
    anchor.inputs.push_back(graph.AddConstant(anchor.name + "_bias", affine.shift));
    anchor.compute = Define(*anchor.workload);
  }
  anchor.output = output;
  // The old anchor keeps its name until it is erased with the other dead nodes.
  graph.nodes[at] = std::move(anchor);
}

// x * scale + shift with both as one-dimensional constants.
void Collect(Graph& graph, int at, const ChannelAffine& affine) {
  Compute compute = graph.nodes[at].compute;
  const Buffer x = MakeBuffer("in0", DType::kF32, compute.output->shape);
  std::vector<ValueId> inputs = {affine.x};
  compute.inputs = {x};
  compute.body = Load(x, Vars(compute.axes));
  compute.predicate = compute.result = nullptr;
  const auto apply = [&](const Tensor& constant, BinaryOp op) {
    if (constant.empty()) return;
    const std::string name = absl::StrCat("in", inputs.size());
    compute.inputs.push_back(MakeBuffer(name, DType::kF32, constant.shape()));
    compute.body =
        Binary(op, compute.body, Load(compute.inputs.back(), {compute.axes[kChannelAxis].var}));
    inputs.push_back(graph.AddConstant(graph.nodes[at].name + "_factor", constant));
  };
  apply(affine.scale, BinaryOp::kMul);
  apply(affine.shift, BinaryOp::kAdd);
  graph.nodes[at].compute = std::move(compute);
  graph.nodes[at].inputs = std::move(inputs);
}

}  // namespace

absl::Status FoldBatchNorm(Graph& graph, const PassContext& context) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const std::optional<ChannelAffine> affine,
                        MatchChannelAffine(graph, graph.nodes[i], context));
    if (!affine) continue;
    const Node* anchor = ProducerOf(graph, affine->x);
    const int at = static_cast<int>(i);
    if (CanFoldInto(graph, anchor)) {
      const int old = graph.values[affine->x].producer;
      FoldInto(graph, *anchor, at, *affine);
      graph.values[graph.nodes[at].output].producer = at;
      graph.nodes[old].inputs.clear();
    } else if (graph.nodes[i].inputs.size() > 3) {
      Collect(graph, at, *affine);
    }
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
