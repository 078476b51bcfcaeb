#include "compiler/graph/quantizers.h"

#include <algorithm>

#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

bool IsByte(DType dtype) { return IsInteger(dtype) && SizeOf(dtype) == 1; }

bool IsCast(const Expr& e, DType to) { return e->kind == ExprKind::kCast && e->dtype == to; }

size_t InputOf(const Node& node, const Buffer& buffer) {
  const std::vector<Buffer>& inputs = node.compute.inputs;
  return std::find(inputs.begin(), inputs.end(), buffer) - inputs.begin();
}

// The constant that a load reads; null for anything else.
const Tensor* ConstantOf(const Graph& graph, const Node& node, const Expr& e) {
  if (e->kind != ExprKind::kLoad) return nullptr;
  const Tensor& tensor = graph.values[node.inputs[InputOf(node, e->buffer)]].constant;
  return tensor.empty() ? nullptr : &tensor;
}

// The value of a zero point, converted or not: a literal, or a constant of equal elements.
std::optional<int64_t> ZeroPointOf(const Graph& graph, const Node& node, const Expr& e) {
  if (e->kind == ExprKind::kCast) return ZeroPointOf(graph, node, e->operands[0]);
  if (const int64_t* literal = AsInt(e)) return *literal;
  if (e->kind == ExprKind::kFloat) return static_cast<int64_t>(e->fvalue);
  const Tensor* tensor = ConstantOf(graph, node, e);
  if (tensor == nullptr || !IsInteger(tensor->dtype())) return std::nullopt;
  for (int64_t i = 1; i < tensor->size(); ++i) {
    if (tensor->AsInt(i) != tensor->AsInt(0)) return std::nullopt;
  }
  return tensor->AsInt(0);
}

// The input of bytes that `e` is in type `to`, less a constant zero point.
std::optional<Centering> CenteredBytes(const Graph& graph, const Node& node, const Expr& e,
                                       DType to) {
  Centering centering;
  Expr value = e;
  if (e->kind == ExprKind::kBinary && e->op == BinaryOp::kSub) {
    const std::optional<int64_t> zero = ZeroPointOf(graph, node, e->operands[1]);
    if (!zero) return std::nullopt;
    centering.zero_point = *zero;
    value = e->operands[0];
  }
  if (!IsCast(value, to)) return std::nullopt;
  const Expr& load = value->operands[0];
  const bool bytes = load->kind == ExprKind::kLoad && IsByte(load->dtype);
  if (!bytes || !ReadsAtAxes(node.compute, load->buffer)) return std::nullopt;
  centering.input = InputOf(node, load->buffer);
  return centering;
}

// The only axis that a load's indices name; -1 where they name none or several.
int AxisOf(const Expr& load, const std::vector<Axis>& axes) {
  int axis = -1;
  for (const Expr& index : load->operands) {
    if (AsInt(index) != nullptr) continue;
    const auto at =
        std::find_if(axes.begin(), axes.end(), [&](const Axis& a) { return a.var == index; });
    if (at == axes.end() || axis >= 0) return -1;
    axis = static_cast<int>(at - axes.begin());
  }
  return axis;
}

bool ReadScales(const Graph& graph, const Node& node, const Expr& e, Dequantizer* made) {
  if (e->kind == ExprKind::kFloat) {
    made->scales = {static_cast<float>(e->fvalue)};
    return true;
  }
  const Tensor* tensor = ConstantOf(graph, node, e);
  if (tensor == nullptr || tensor->dtype() != DType::kF32) return false;
  made->scales.assign(tensor->as<float>(), tensor->as<float>() + tensor->size());
  if (tensor->size() == 1) return true;
  made->axis = AxisOf(e, node.compute.axes);
  return made->axis >= 0 && node.compute.axes[made->axis].extent == tensor->size();
}

}  // namespace

std::optional<Dequantizer> MatchDequantizer(const Graph& graph, const Node& node) {
  if (node.workload || !IsMap(node.compute)) return std::nullopt;
  const Expr value = ValueOf(node.compute);
  const bool product = value->kind == ExprKind::kBinary && value->op == BinaryOp::kMul;
  if (!product || value->dtype != DType::kF32) return std::nullopt;
  const auto centered = CenteredBytes(graph, node, value->operands[0], DType::kF32);
  if (!centered) return std::nullopt;
  Dequantizer made{.input = centered->input, .zero_point = centered->zero_point};
  if (!ReadScales(graph, node, value->operands[1], &made)) return std::nullopt;
  return made;
}

std::optional<Quantizer> MatchQuantizer(const Graph& graph, const Node& node) {
  if (node.workload || !IsMap(node.compute)) return std::nullopt;
  const Expr value = ValueOf(node.compute);
  if (value->kind != ExprKind::kCast || !IsByte(value->dtype)) return std::nullopt;
  Quantizer made{.rounded = value->operands[0]};
  if (made.rounded->kind == ExprKind::kBinary && made.rounded->op == BinaryOp::kAdd) {
    const auto zero = ZeroPointOf(graph, node, made.rounded->operands[1]);
    if (!zero) return std::nullopt;
    made.zero_point = *zero;
    made.rounded = made.rounded->operands[0];
  }
  const bool rounds = made.rounded->kind == ExprKind::kCall && made.rounded->name == "round";
  if (!rounds || made.rounded->dtype != DType::kF32) return std::nullopt;
  return made;
}

std::optional<Centering> MatchCentering(const Graph& graph, const Node& node) {
  if (node.workload || !IsMap(node.compute)) return std::nullopt;
  if (node.compute.output->dtype != DType::kI16) return std::nullopt;
  return CenteredBytes(graph, node, ValueOf(node.compute), DType::kI16);
}

}  // namespace tilewright
