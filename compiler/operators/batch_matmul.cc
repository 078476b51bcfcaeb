// batch_matmul: a [B,M,K], b [B,K,N], output [B,M,N]: out[b, m, n] = sum over k of a[b, m, k] *
// b[b, k, n]. Both are activations; no layout has a name.
#include "compiler/operators/operator_def.h"
#include "compiler/operators/support/definition.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

absl::Status CheckBatchMatmul(const Workload& w) {
  const bool agree =
      w.inputs[0].shape[0] == w.inputs[1].shape[0] && w.inputs[0].shape[2] == w.inputs[1].shape[1];
  return agree ? absl::OkStatus()
               : absl::InvalidArgumentError("workload: batch_matmul: batch or K disagree");
}

Shape BatchMatmulOutput(const Workload& w) {
  return {w.inputs[0].shape[0], w.inputs[0].shape[1], w.inputs[1].shape[2]};
}

double BatchMatmulMultiplyAdds(const Workload& w) {
  return static_cast<double>(NumElements(BatchMatmulOutput(w))) * w.inputs[0].shape[2];
}

Compute DefineBatchMatmul(const Workload& w) {
  const Shape out = OutputShape(w);
  Compute compute = StartCompute(w);
  compute.axes = {{.var = Var("b"), .extent = out[0]},
                  {.var = Var("m"), .extent = out[1]},
                  {.var = Var("n"), .extent = out[2]}};
  compute.reduce = {{.var = Var("k"), .extent = w.inputs[0].shape[2]}};
  const std::vector<Expr> axes = Vars(compute.axes);
  const Expr k = compute.reduce[0].var;
  compute.body = Product(w, Load(compute.inputs[0], {axes[0], axes[1], k}),
                         Load(compute.inputs[1], {axes[0], k, axes[2]}));
  FinishCompute(w, axes[2], &compute);
  return compute;
}

std::optional<WorkloadLayouts> Blocked(const Workload&, int64_t) { return std::nullopt; }

}  // namespace

const OperatorDef& batch_matmul() {
  static const auto* def = new OperatorDef{.data = {"BMK", "", /*named=*/false},
                                           .weight = {"BKN", "", /*named=*/false},
                                           .out = {"BMN", "", /*named=*/false},
                                           .weighted = false,
                                           .channel = 2,
                                           .check = CheckBatchMatmul,
                                           .output_shape = BatchMatmulOutput,
                                           .multiply_adds = BatchMatmulMultiplyAdds,
                                           .define = DefineBatchMatmul,
                                           .blocked = Blocked};
  return *def;
}

}  // namespace tilewright
