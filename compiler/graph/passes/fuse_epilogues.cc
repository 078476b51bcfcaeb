// anchor -> bias, residual add, activation   becomes   the anchor with an epilogue, when nothing
// else reads what is in between. What 16-bit floats were rounded to in between is not rounded any
// more: an epilogue computes in the type of the sums.
#include <algorithm>

#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

// An epilogue step and the load it adds, if any.
struct Step {
  EpilogueOp op;
  Expr operand;
};

// `e` without its conversions between float32 and a 16-bit float.
Expr Unrounded(Expr e) {
  const auto converts = [](const Expr& x) {
    if (x->kind != ExprKind::kCast) return false;
    const DType from = x->operands[0]->dtype, to = x->dtype;
    return (IsNarrowFloat(from) && to == DType::kF32) || (from == DType::kF32 && IsNarrowFloat(to));
  };
  while (converts(e)) e = e->operands[0];
  return e;
}

bool IsLiteral(const Expr& e, double value) {
  return e->kind == ExprKind::kFloat && e->fvalue == value;
}

bool IsBinary(const Expr& e, BinaryOp op) { return e->kind == ExprKind::kBinary && e->op == op; }

// The operand of exp in exp(-x); null for anything else.
Expr NegatedExponent(const Expr& e) {
  if (e->kind != ExprKind::kCall || e->name != "exp") return nullptr;
  const Expr& power = e->operands[0];
  if (power->kind == ExprKind::kCall && power->name == "neg") return power->operands[0];
  const bool difference = IsBinary(power, BinaryOp::kSub) && IsLiteral(power->operands[0], 0);
  return difference ? power->operands[1] : nullptr;
}

// x of 1 / (1 + exp(-x)); null for anything else.
Expr SigmoidOperand(const Expr& e) {
  if (!IsBinary(e, BinaryOp::kDiv) || !IsLiteral(e->operands[0], 1)) return nullptr;
  const Expr& sum = e->operands[1];
  if (!IsBinary(sum, BinaryOp::kAdd)) return nullptr;
  for (int one : {0, 1}) {
    if (IsLiteral(sum->operands[one], 1)) return NegatedExponent(sum->operands[1 - one]);
  }
  return nullptr;
}

// The operand besides a float literal of `op`; the literal goes to *value. Null for anything else.
Expr OperandBesideLiteral(const Expr& e, BinaryOp op, double* value) {
  if (!IsBinary(e, op)) return nullptr;
  for (int i : {0, 1}) {
    if (e->operands[i]->kind != ExprKind::kFloat) continue;
    *value = e->operands[i]->fvalue;
    return e->operands[1 - i];
  }
  return nullptr;
}

// x of relu(x) or clip(x), the step going to *step; null for anything else.
Expr ClampOperand(const Expr& e, EpilogueOp* step) {
  double lo, hi;
  if (Expr inner = OperandBesideLiteral(e, BinaryOp::kMin, &hi)) {
    Expr x = OperandBesideLiteral(inner, BinaryOp::kMax, &lo);
    if (x == nullptr || lo > hi) return nullptr;
    *step = {.kind = EpilogueKind::kClip, .lo = lo, .hi = hi};
    return x;
  }
  Expr inner = OperandBesideLiteral(e, BinaryOp::kMax, &lo);
  if (inner == nullptr) return nullptr;
  if (Expr x = OperandBesideLiteral(inner, BinaryOp::kMin, &hi); x != nullptr && lo <= hi) {
    *step = {.kind = EpilogueKind::kClip, .lo = lo, .hi = hi};
    return x;
  }
  *step = {.kind = EpilogueKind::kRelu};
  return lo == 0 ? inner : nullptr;
}

class Matcher {
 public:
  Matcher(const Compute& map, const Buffer& anchor) : map_(map), anchor_(anchor) {}

  // Appends the steps that make `e` from the anchor's output, innermost first.
  bool Match(const Expr& value, std::vector<Step>* steps) const {
    const Expr e = Unrounded(value);
    if (e->kind == ExprKind::kLoad && e->buffer == anchor_) return true;
    Step step;
    const Expr inner = Peel(e, &step);
    if (inner == nullptr || !Match(inner, steps)) return false;
    steps->push_back(step);
    return true;
  }

 private:
  Expr Peel(const Expr& e, Step* step) const {
    if (Expr x = SigmoidOperand(e)) {
      step->op = {.kind = EpilogueKind::kSigmoid};
      return x;
    }
    if (e->kind == ExprKind::kCall && e->name == "tanh") {
      step->op = {.kind = EpilogueKind::kTanh};
      return e->operands[0];
    }
    return IsBinary(e, BinaryOp::kAdd) ? PeelAdd(e, step) : ClampOperand(e, &step->op);
  }

  Expr PeelAdd(const Expr& e, Step* step) const {
    for (int i : {0, 1}) {
      const Expr operand = Unrounded(e->operands[i]);
      if (operand->kind != ExprKind::kLoad || operand->buffer == anchor_) continue;
      if (!LoadsOf(e->operands[1 - i], anchor_).empty() && KindOf(operand, &step->op.kind)) {
        step->operand = operand;
        return e->operands[1 - i];
      }
    }
    return nullptr;
  }

  // A tensor like the output is a residual, one over the channels alone a bias.
  bool KindOf(const Expr& load, EpilogueKind* kind) const {
    *kind = EpilogueKind::kAdd;
    if (load->buffer->dtype != map_.output->dtype) return false;
    if (load->buffer->shape == map_.output->shape) return AreAxes(load->operands, map_.axes);
    *kind = EpilogueKind::kBias;
    const Axis& channel = map_.axes[1];
    if (NumElements(load->buffer->shape) != channel.extent) return false;
    return std::all_of(load->operands.begin(), load->operands.end(), [&](const Expr& index) {
      const int64_t* literal = AsInt(index);
      return index == channel.var || (literal != nullptr && *literal == 0);
    });
  }

  const Compute& map_;
  const Buffer& anchor_;
};

// The steps of a map that only post-processes input `i`, which it reads once; empty when it is
// something else.
std::vector<Step> MatchSteps(const Node& map, size_t i) {
  const Buffer& anchor = map.compute.inputs[i];
  std::vector<Step> steps;
  const bool fits = std::count(map.inputs.begin(), map.inputs.end(), map.inputs[i]) == 1 &&
                    map.compute.output->dtype == anchor->dtype && !map.workload &&
                    IsMap(map.compute) && ReadsAtAxes(map.compute, anchor) &&
                    LoadsOf(map.compute, anchor).size() == 1 &&
                    Matcher(map.compute, anchor).Match(ValueOf(map.compute), &steps);
  return fits ? steps : std::vector<Step>();
}

bool CanTake(const Graph& graph, const Node* anchor) {
  return anchor != nullptr && anchor->workload && OperatorOf(*anchor->workload).weighted &&
         HasPlainLayouts(*anchor->workload) && OnlyConsumer(graph, anchor->output) >= 0;
}

// The map's node becomes the anchor with the steps appended; the old anchor dies.
void Fuse(Graph& graph, int at, Node anchor, const std::vector<Step>& steps) {
  const Node map = graph.nodes[at];
  for (const Step& step : steps) {
    anchor.workload->epilogue.push_back(step.op);
    if (step.operand == nullptr) continue;
    const auto& buffers = map.compute.inputs;
    const size_t slot =
        std::find(buffers.begin(), buffers.end(), step.operand->buffer) - buffers.begin();
    ValueId operand = map.inputs[slot];
    if (step.op.kind == EpilogueKind::kBias) {
      operand = Reshaped(graph, operand, {map.compute.output->shape[1]});
    }
    anchor.inputs.push_back(operand);
  }
  anchor.compute = Define(*anchor.workload);
  anchor.output = map.output;
  graph.nodes[at] = std::move(anchor);
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
    const std::vector<Step> steps = MatchSteps(graph.nodes[at], slot);
    if (steps.empty()) continue;
    const int old = graph.values[inputs[slot]].producer;
    Fuse(graph, at, *anchor, steps);
    graph.nodes[old].inputs.clear();  // dead, and no reader of anything
    return;
  }
}

}  // namespace

absl::Status FuseEpilogues(Graph& graph, const PassContext&) {
  const int original = static_cast<int>(graph.nodes.size());
  for (int at = 0; at < original; ++at) {
    if (!graph.nodes[at].workload) TryFuse(graph, at);
  }
  SortNodes(graph);
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
