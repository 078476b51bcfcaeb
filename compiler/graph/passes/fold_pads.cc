// pad with zeros -> conv   becomes   conv with more padding.
#include <optional>

#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

// Of each dimension: elements added before and after.
struct Pads {
  std::vector<int64_t> before, after;
};

bool IsZero(const Expr& e) {
  return (e->kind == ExprKind::kFloat && e->fvalue == 0) ||
         (e->kind == ExprKind::kInt && e->ivalue == 0);
}

// Adds the comparisons that `condition` joins; false when there is anything else in it.
bool Comparisons(const Expr& condition, std::vector<Expr>* parts) {
  if (condition->kind != ExprKind::kBinary) return false;
  if (condition->op == BinaryOp::kAnd) {
    return Comparisons(condition->operands[0], parts) && Comparisons(condition->operands[1], parts);
  }
  parts->push_back(condition);
  return condition->op == BinaryOp::kLt || condition->op == BinaryOp::kLe;
}

// Holds the axis at `value` and answers what the comparison then is; nullopt when undecided.
std::optional<bool> At(const Expr& comparison, const Axis& axis, int64_t value) {
  const Expr e = Simplify(Substitute(comparison, {{axis.var.get(), Int(value)}}), {});
  const int64_t* known = AsInt(e);
  return known == nullptr ? std::nullopt : std::optional<bool>(*known != 0);
}

// True when the comparisons hold exactly for axis values in [lo, hi). Each is affine in at most
// one axis, hence true on a half-line: trying the four borders decides.
bool HoldExactlyIn(const std::vector<Expr>& parts, const Axis& axis, int64_t lo, int64_t hi) {
  const auto all = [&](int64_t value) {
    bool holds = true;
    for (const Expr& part : parts) {
      if (UsesVar(part, axis.var)) holds = holds && At(part, axis, value).value_or(false);
    }
    return holds;
  };
  const bool low = lo == 0 || !all(lo - 1);
  const bool high = hi == axis.extent || !all(hi);
  return low && high && all(lo) && all(hi - 1);
}

bool IsAffineInOneAxis(const Expr& comparison, const std::vector<Axis>& axes) {
  int used = 0;
  for (const Axis& axis : axes) {
    if (!UsesVar(comparison, axis.var)) continue;
    ++used;
    for (const Expr& side : comparison->operands) {
      if (!AffineIn(side, axis.var)) return false;
    }
  }
  return used == 1;
}

// Shifts of the load's position against the output's; nullopt when it is more than a shift.
std::optional<Pads> Shifts(const Compute& compute, const Expr& load) {
  Pads pads;
  for (size_t i = 0; i < compute.axes.size(); ++i) {
    const Axis& axis = compute.axes[i];
    const int64_t in = load->buffer->shape[i];
    const Expr shift = Simplify(axis.var - load->operands[i], RangesOf(compute));
    const int64_t* before = AsInt(shift);
    if (before == nullptr || *before < 0 || axis.extent < *before + in) return std::nullopt;
    pads.before.push_back(*before);
    pads.after.push_back(axis.extent - *before - in);
  }
  return pads;
}

std::optional<Pads> MatchZeroPad(const Compute& compute) {
  if (!IsMap(compute) || compute.inputs.size() != 1) return std::nullopt;
  const Expr value = ValueOf(compute);
  if (value->kind != ExprKind::kSelect || !IsZero(value->operands[2])) return std::nullopt;
  const Expr& load = value->operands[1];
  if (load->kind != ExprKind::kLoad || load->operands.size() != compute.axes.size()) {
    return std::nullopt;
  }
  const std::optional<Pads> pads = Shifts(compute, load);
  std::vector<Expr> parts;
  if (!pads || !Comparisons(value->operands[0], &parts)) return std::nullopt;
  for (const Expr& part : parts) {
    if (!IsAffineInOneAxis(part, compute.axes)) return std::nullopt;
  }
  for (size_t i = 0; i < compute.axes.size(); ++i) {
    const int64_t lo = pads->before[i], hi = lo + load->buffer->shape[i];
    if (!HoldExactlyIn(parts, compute.axes[i], lo, hi)) return std::nullopt;
  }
  return pads;
}

bool PadsItself(const Node& node) {
  return node.workload && OperatorOf(*node.workload).pads_with_zeros;
}

bool OnlySpatial(const Pads& pads) {
  return pads.before.size() == 4 && pads.before[0] + pads.before[1] == 0 &&
         pads.after[0] + pads.after[1] == 0;
}

}  // namespace

absl::Status FoldPads(Graph& graph, const PassContext&) {
  for (Node& conv : graph.nodes) {
    const Node* pad = PadsItself(conv) ? ProducerOf(graph, conv.inputs[0]) : nullptr;
    if (pad == nullptr || pad->workload) continue;
    const std::optional<Pads> pads = MatchZeroPad(pad->compute);
    if (!pads || !OnlySpatial(*pads)) continue;
    Workload& workload = *conv.workload;
    std::vector<int64_t>& padding = workload.attrs["padding"];
    for (size_t i = 0; i < 2; ++i) {
      padding[i] += pads->before[2 + i];
      padding[2 + i] += pads->after[2 + i];
    }
    workload.inputs[0] = graph.values[pad->inputs[0]].type;
    conv.inputs[0] = pad->inputs[0];
    conv.compute = Define(workload);
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
