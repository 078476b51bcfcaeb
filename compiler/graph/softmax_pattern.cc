#include "compiler/graph/softmax_pattern.h"

#include <limits>

#include "compiler/graph/edit.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

bool IsFloatLiteral(const Expr& e, double value) {
  const Expr bare = Unconverted(e);
  return bare->kind == ExprKind::kFloat && bare->fvalue == value;
}

bool IsOperation(const Expr& e, BinaryOp op) { return e->kind == ExprKind::kBinary && e->op == op; }

// A map of two tensors: one read element by element, of the other the one element of the row.
struct RowMap {
  const Compute& compute;
  size_t whole, row;  // inputs

  bool IsElement(const Expr& e) const {
    const Expr load = Unconverted(e);
    return load->kind == ExprKind::kLoad && load->buffer == compute.inputs[whole] &&
           AreAxes(load->operands, compute.axes);
  }
  bool IsOfRow(const Expr& e) const {
    const Expr load = Unconverted(e);
    if (load->kind != ExprKind::kLoad || load->buffer != compute.inputs[row]) return false;
    std::vector<Expr> index = load->operands;
    if (index.size() != compute.axes.size() || index.empty()) return false;
    const int64_t* last = AsInt(index.back());
    if (last == nullptr || *last != 0) return false;
    index.back() = compute.axes.back().var;
    return AreAxes(index, compute.axes);
  }
  bool ComparesRowWith(const Expr& e, double value) const {
    if (!IsOperation(e, BinaryOp::kEq)) return false;
    const Expr &a = e->operands[0], &b = e->operands[1];
    return (IsOfRow(a) && IsFloatLiteral(b, value)) || (IsOfRow(b) && IsFloatLiteral(a, value));
  }
};

// exps / sum, or 0 where the sum is.
bool IsQuotient(const RowMap& map, bool* empty_rows) {
  Expr e = Unconverted(ValueOf(map.compute));
  *empty_rows = e->kind == ExprKind::kSelect && map.ComparesRowWith(e->operands[0], 0) &&
                IsFloatLiteral(e->operands[1], 0);
  if (*empty_rows) e = Unconverted(e->operands[2]);
  return IsOperation(e, BinaryOp::kDiv) && map.IsElement(e->operands[0]) &&
         map.IsOfRow(e->operands[1]);
}

// exp(x - maximum), or exp(x) where the maximum is -inf.
bool IsExponential(const RowMap& map) {
  const Expr e = Unconverted(ValueOf(map.compute));
  if (e->kind != ExprKind::kCall || e->name != "exp") return false;
  const Expr power = Unconverted(e->operands[0]);
  if (!IsOperation(power, BinaryOp::kSub) || !map.IsElement(power->operands[0])) return false;
  const Expr shift = Unconverted(power->operands[1]);
  if (shift->kind != ExprKind::kSelect) return map.IsOfRow(shift);
  return map.ComparesRowWith(shift->operands[0], -std::numeric_limits<double>::infinity()) &&
         IsFloatLiteral(shift->operands[1], 0) && map.IsOfRow(shift->operands[2]);
}

// What `value` reduces over the last dimension, which it keeps; kNoValue where it does not.
ValueId ReducedRows(const Graph& graph, ValueId value, Reducer reducer) {
  const Node* node = ProducerOf(graph, value);
  if (node == nullptr || node->workload || node->inputs.size() != 1) return kNoValue;
  const Compute& c = node->compute;
  if (c.reducer != reducer || c.predicate != nullptr || c.reduce.size() != 1) return kNoValue;
  if (c.result != nullptr && Unconverted(c.result) != c.acc) return kNoValue;
  const Expr load = Unconverted(c.body);
  if (load->kind != ExprKind::kLoad || load->operands.size() != c.axes.size()) return kNoValue;
  std::vector<Expr> index = load->operands;
  const bool whole = index.back() == c.reduce[0].var &&
                     c.reduce[0].extent == load->buffer->shape.back() && c.axes.back().extent == 1;
  index.back() = Int(0);
  return whole && AreAxes(index, c.axes) ? node->inputs[0] : kNoValue;
}

bool IsReadBy(const Graph& graph, ValueId value, size_t nodes) {
  return !graph.IsOutput(value) && graph.ConsumersOf(value).size() == nodes;
}

const Node* MapOfTwo(const Graph& graph, ValueId value) {
  const Node* node = ProducerOf(graph, value);
  const bool is = node != nullptr && !node->workload && IsMap(node->compute) &&
                  node->inputs.size() == 2 && !node->compute.axes.empty();
  return is ? node : nullptr;
}

// The softmax whose exponentials these are; `empty_rows` is the caller's.
ValueId SoftmaxInput(const Graph& graph, ValueId exponentials) {
  const Node* exp = MapOfTwo(graph, exponentials);
  if (exp == nullptr) return kNoValue;
  for (const size_t i : {0, 1}) {
    const ValueId input = exp->inputs[i], maximum = exp->inputs[1 - i];
    if (!IsExponential({exp->compute, i, 1 - i})) continue;
    if (ReducedRows(graph, maximum, Reducer::kMax) != input) continue;
    return IsReadBy(graph, maximum, 1) && IsReadBy(graph, input, 2) ? input : kNoValue;
  }
  return kNoValue;
}

}  // namespace

Expr Unconverted(Expr e) {
  while (e->kind == ExprKind::kCast && IsFloat(e->dtype) && IsFloat(e->operands[0]->dtype)) {
    e = Expr(e->operands[0]);
  }
  return e;
}

std::optional<FoundSoftmax> FindSoftmax(const Graph& graph, ValueId value) {
  const Node* quotient = MapOfTwo(graph, value);
  if (quotient == nullptr) return std::nullopt;
  for (const size_t i : {0, 1}) {
    const ValueId exps = quotient->inputs[i], sum = quotient->inputs[1 - i];
    FoundSoftmax found;
    if (!IsQuotient({quotient->compute, i, 1 - i}, &found.empty_rows)) continue;
    if (ReducedRows(graph, sum, Reducer::kSum) != exps) continue;
    if (!IsReadBy(graph, sum, 1) || !IsReadBy(graph, exps, 2)) continue;
    found.input = SoftmaxInput(graph, exps);
    if (found.input != kNoValue) return found;
  }
  return std::nullopt;
}

}  // namespace tilewright
