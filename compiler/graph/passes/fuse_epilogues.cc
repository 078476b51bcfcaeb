// anchor -> bias, residual, scale, activation   becomes   the anchor with an epilogue, when nothing
// else reads what is in between (epilogue_steps.h). What 16-bit floats were rounded to in between
// is not rounded any more: an epilogue computes in the type of the sums. A quantizer's factor
// becomes a part of the scale that makes floats of an integer anchor's sums, and of its bias. Two
// biases of integers become one.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/epilogue_steps.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

bool CanTake(const Graph& graph, const Node* anchor) {
  return anchor != nullptr && anchor->workload && OperatorOf(*anchor->workload).weighted &&
         HasPlainLayouts(*anchor->workload) && OnlyConsumer(graph, anchor->output) >= 0;
}

// The steps of a map that only post-processes input `i`, which it takes once.
std::optional<std::vector<FusedStep>> MatchSteps(const Node& map, size_t i) {
  if (std::count(map.inputs.begin(), map.inputs.end(), map.inputs[i]) != 1) return std::nullopt;
  return MatchEpilogue(map.compute, map.compute.inputs[i]);
}

// Whether a narrow output of integers is what the last step gave, neither rounded nor saturated:
// rounded, clipped and perhaps shifted by a whole number.
bool IsWhole(const Workload& workload) {
  if (!workload.out) return true;
  const std::vector<EpilogueOp>& steps = workload.epilogue;
  const auto whole = [](double x) { return x == std::floor(x); };
  size_t count = steps.size();
  double shift = 0;
  if (count > 0 && steps[count - 1].kind == EpilogueKind::kLinear) {
    const EpilogueOp& last = steps[--count];
    if (last.a != 1 || !whole(last.b)) return false;
    shift = last.b;
  }
  if (count < 2 || steps[count - 2].kind != EpilogueKind::kRound) return false;
  const IntegerLimits limits = LimitsOf(*workload.out);
  const EpilogueOp& clip = steps[count - 1];
  return clip.kind == EpilogueKind::kClip && whole(clip.a) && whole(clip.b) &&
         clip.a + shift >= static_cast<double>(limits.lowest) &&
         clip.b + shift <= static_cast<double>(limits.highest);
}

void SetOutputType(DType type, Workload* workload) {
  workload->out.reset();
  if (OutputTypeOf(*workload) != type) workload->out = type;
}

// A constant of floats in another type; nullopt where that would round it.
std::optional<ValueId> Converted(Graph& graph, ValueId value, DType to) {
  const Tensor& from = graph.values[value].constant;
  if (from.size() == 0 || !IsFloat(from.dtype()) || !IsFloat(to)) return std::nullopt;
  Tensor converted({to, from.shape()});
  for (int64_t i = 0; i < from.size(); ++i) {
    converted.Set(i, from.AsDouble(i));
    if (converted.AsDouble(i) != from.AsDouble(i)) return std::nullopt;
  }
  return graph.AddConstant(graph.values[value].name, std::move(converted));
}

// Whether the extra inputs have the types that their steps take, or can be given them.
bool FitOperands(Graph& graph, Node* anchor) {
  size_t input = 2;
  for (size_t i = 0; i < anchor->workload->epilogue.size(); ++i) {
    if (OperandOf(anchor->workload->epilogue[i].kind) == EpilogueOperand::kNone) continue;
    ValueId& operand = anchor->inputs[input++];
    const DType type = OperandTypeOf(*anchor->workload, i);
    if (graph.values[operand].type.dtype == type) continue;
    const std::optional<ValueId> converted = Converted(graph, operand, type);
    if (!converted) return false;
    operand = *converted;
  }
  return true;
}

// Appends a step; to a whole number's shift one that is linear too, as one of both.
void AppendStep(const EpilogueOp& step, Workload* workload) {
  constexpr EpilogueKind kLinear = EpilogueKind::kLinear;
  std::vector<EpilogueOp>& steps = workload->epilogue;
  const bool shifts = workload->out && IsInteger(*workload->out) && !steps.empty() &&
                      steps.back().kind == kLinear && steps.back().a == 1;
  if (!shifts || step.kind != kLinear) {
    steps.push_back(step);
    return;
  }
  const double shift = step.a * steps.back().b + step.b;
  const bool cancels = std::abs(shift) <= 1e-12 * std::abs(step.b);  // but for rounding
  steps.back() = {kLinear, step.a, cancels ? 0 : shift};
}

// The anchor with the steps of `map` appended; nullopt where no workload is like that.
std::optional<Node> WithSteps(Graph& graph, Node map, Node anchor,
                              const std::vector<FusedStep>& steps) {
  Workload& workload = *anchor.workload;
  for (const FusedStep& step : steps) {
    AppendStep(step.op, &workload);
    if (step.operand == nullptr) continue;
    const auto& buffers = map.compute.inputs;
    const size_t slot =
        std::find(buffers.begin(), buffers.end(), step.operand->buffer) - buffers.begin();
    ValueId operand = map.inputs[slot];
    if (OperandOf(step.op.kind) == EpilogueOperand::kPerChannel) {
      operand = Reshaped(graph, operand, {map.compute.output->shape[1]});
    }
    anchor.inputs.push_back(operand);
  }
  SetOutputType(map.compute.output->dtype, &workload);
  if (workload.out && IsNarrowFloat(*workload.out)) return std::nullopt;  // of wider data
  if (!CheckWorkload(workload).ok() || !FitOperands(graph, &anchor)) return std::nullopt;
  anchor.compute = Define(workload);
  anchor.output = map.output;
  return anchor;
}

// Among a sum of two anchors' outputs the later one takes the other as its residual.
void TryFuse(Graph& graph, int at) {
  std::vector<size_t> slots(graph.nodes[at].inputs.size());
  for (size_t i = 0; i < slots.size(); ++i) slots[i] = i;
  const std::vector<ValueId> inputs = graph.nodes[at].inputs;
  std::sort(slots.begin(), slots.end(), [&](size_t a, size_t b) {
    return graph.values[inputs[a]].producer > graph.values[inputs[b]].producer;
  });
  for (size_t slot : slots) {
    const Node* anchor = ProducerOf(graph, inputs[slot]);
    if (!CanTake(graph, anchor)) continue;
    if (IsInteger(OutputTypeOf(*anchor->workload)) && !IsWhole(*anchor->workload)) continue;
    const auto steps = MatchSteps(graph.nodes[at], slot);
    if (!steps) continue;
    const int old = graph.values[inputs[slot]].producer;
    std::optional<Node> fused = WithSteps(graph, graph.nodes[at], *anchor, *steps);
    if (!fused) continue;
    graph.nodes[at] = *std::move(fused);
    graph.nodes[old].inputs.clear();  // dead, and no reader of anything
    return;
  }
}

// `value` of float32 times a factor; kNoValue where it is no constant.
ValueId Multiplied(Graph& graph, ValueId value, double factor) {
  const Tensor from = graph.values[value].constant;
  if (from.size() == 0 || from.dtype() != DType::kF32) return kNoValue;
  Tensor product({DType::kF32, from.shape()});
  for (int64_t i = 0; i < from.size(); ++i) product.Set(i, from.AsDouble(i) * factor);
  return graph.AddConstant(graph.values[value].name + "_quanta", std::move(product));
}

// scale -> bias -> relu -> linear(a, 0) -> round   becomes   scale * a -> bias * a -> relu ->
// round: what a sum of integers is in quanta takes a product and a sum, or a product where there is
// no bias.
void CountInQuanta(Graph& graph, Node* anchor) {
  Workload& workload = *anchor->workload;
  std::vector<EpilogueOp>& steps = workload.epilogue;
  if (IsFloat(AccumulatorOf(workload)) || !IsInteger(OutputTypeOf(workload))) return;
  const auto scale = std::find_if(steps.begin(), steps.end(), [](const EpilogueOp& step) {
    return step.kind == EpilogueKind::kScale;
  });
  auto factor = scale == steps.end() ? scale : scale + 1;
  if (factor != steps.end() && factor->kind == EpilogueKind::kBias) ++factor;
  const ptrdiff_t taken = factor - scale;  // steps that take an operand
  if (factor != steps.end() && factor->kind == EpilogueKind::kRelu) ++factor;
  if (steps.end() - factor < 2 || factor->kind != EpilogueKind::kLinear) return;
  if (factor->a <= 0 || factor->b != 0) return;
  if ((factor + 1)->kind != EpilogueKind::kRound) return;
  const auto takes = [](const EpilogueOp& step) {
    return OperandOf(step.kind) != EpilogueOperand::kNone;
  };
  const ptrdiff_t first = 2 + std::count_if(steps.begin(), scale, takes);
  std::vector<ValueId> inputs = anchor->inputs;
  for (ptrdiff_t i = first; i < first + taken; ++i) {
    inputs[i] = Multiplied(graph, inputs[i], factor->a);
    if (inputs[i] == kNoValue) return;
  }
  anchor->inputs = std::move(inputs);
  steps.erase(factor);
  anchor->compute = Define(workload);
}

// The sum of two constants of int32, which wraps; kNoValue where one is no constant.
ValueId Summed(Graph& graph, ValueId a, ValueId b) {
  const Tensor x = graph.values[a].constant, y = graph.values[b].constant;
  if (x.size() == 0 || y.size() == 0) return kNoValue;
  TW_CHECK(x.dtype() == DType::kI32 && y.type() == x.type());
  Tensor sum(x.type());
  for (int64_t i = 0; i < sum.size(); ++i) {
    sum.as<uint32_t>()[i] = x.as<uint32_t>()[i] + y.as<uint32_t>()[i];
  }
  return graph.AddConstant(graph.values[a].name + "_and_bias", std::move(sum));
}

// bias -> bias, of integers, first of all   becomes   one bias.
void JoinBiases(Graph& graph, Node* anchor) {
  Workload& workload = *anchor->workload;
  std::vector<EpilogueOp>& steps = workload.epilogue;
  const auto adds = [&](size_t i) {
    return steps[i].kind == EpilogueKind::kBias && OperandTypeOf(workload, i) == DType::kI32;
  };
  if (steps.size() < 2 || !adds(0) || !adds(1)) return;
  const ValueId sum = Summed(graph, anchor->inputs[2], anchor->inputs[3]);
  if (sum == kNoValue) return;
  anchor->inputs.erase(anchor->inputs.begin() + 3);
  anchor->inputs[2] = sum;
  steps.erase(steps.begin());
  anchor->compute = Define(workload);
}

}  // namespace

absl::Status FuseEpilogues(Graph& graph, const PassContext&) {
  const int original = static_cast<int>(graph.nodes.size());
  for (int at = 0; at < original; ++at) {
    if (!graph.nodes[at].workload) TryFuse(graph, at);
  }
  SortNodes(graph);
  EraseDeadNodes(graph);
  for (Node& node : graph.nodes) {
    if (!node.workload) continue;
    CountInQuanta(graph, &node);
    JoinBiases(graph, &node);
  }
  return absl::OkStatus();
}

}  // namespace tilewright
