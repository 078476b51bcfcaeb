// Evaluates nodes whose inputs are all constants; elsewhere loads of one-element constants become
// literals, so that later passes see `x * 2` and not a tensor.
#include <algorithm>
#include <cstdlib>

#include "base/check.h"
#include "base/status_macros.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// Larger results are computed at run time instead of being shipped in the package.
constexpr int64_t kMaxFoldedBytes = int64_t{512} << 20;

bool AllConstant(const Graph& graph, const Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return !graph.values[id].constant.empty(); });
}

absl::StatusOr<Tensor> Evaluate(const Graph& graph, const Node& node, const PassContext& context) {
  std::vector<Tensor> inputs;
  for (ValueId id : node.inputs) inputs.push_back(graph.values[id].constant);
  const bool reshape = !node.workload && IsReshape(node.compute);
  if (reshape) return inputs[0].Reshaped(node.compute.output->shape);
  return context.evaluate(node.compute, std::move(inputs));
}

Expr Literal(const Tensor& tensor) {
  return IsFloat(tensor.dtype()) ? Float(tensor.AsDouble(0), tensor.dtype())
                                 : Int(tensor.AsInt(0), tensor.dtype());
}

// x^2 as a product: exact, and no call in a loop over a whole tensor.
Expr SquareInsteadOfPow(const Expr& e) {
  if (e->kind != ExprKind::kCall || e->name != "pow") return e;
  const Expr& exponent = e->operands[1];
  const bool two = exponent->kind == ExprKind::kFloat && exponent->fvalue == 2.0;
  return two ? Binary(BinaryOp::kMul, e->operands[0], e->operands[0]) : e;
}

// A whole number as a float: zero points, which later passes recognise.
Expr FloatInsteadOfCast(const Expr& e) {
  if (e->kind != ExprKind::kCast || e->dtype != DType::kF32) return e;
  const int64_t* literal = e->operands[0]->dtype == DType::kBool ? nullptr : AsInt(e->operands[0]);
  const bool exact = literal != nullptr && std::abs(*literal) <= (1 << 24);
  return exact ? Float(static_cast<double>(*literal)) : e;
}

// Also simplifies the definition as it was imported.
void UseLiterals(const Graph& graph, Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Tensor& constant = graph.values[node.inputs[i]].constant;
    if (constant.empty() || constant.size() != 1) continue;
    const Buffer buffer = node.compute.inputs[i];
    node.compute = RewriteAll(node.compute, [&](const Expr& e) {
      return ReplaceLoads(e, buffer, [&](const auto&) { return Literal(constant); });
    });
  }
  node.compute = RewriteAll(NormalizeInputs(node.compute, &node.inputs), [](const Expr& e) {
    return Rewrite(Rewrite(e, SquareInsteadOfPow), FloatInsteadOfCast);
  });
}

}  // namespace

absl::Status FoldConstants(Graph& graph, const PassContext& context) {
  const std::vector<int> readers = CountReaders(graph);
  for (Node& node : graph.nodes) {
    Value& output = graph.values[node.output];
    if (AllConstant(graph, node) && NumBytes(output.type) <= kMaxFoldedBytes) {
      TW_ASSIGN_OR_RETURN(output.constant, Evaluate(graph, node, context));
      output.producer = -1;
      // At once, so that transposed weights are not held beside the originals.
      for (ValueId id : node.inputs) {
        if (readers[id] == 1) graph.values[id].constant = Tensor();
      }
    } else if (!node.workload) {
      UseLiterals(graph, node);
    }
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
