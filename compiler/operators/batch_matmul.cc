// out[b, m, n] = sum over k of data[b, m, k] * weight[b, k, n].
#include "compiler/operators/operators.h"

namespace tilewright {

Compute DefineBatchMatmul(const Workload& w) {
  const Shape out = OutputShape(w);
  Compute compute = StartCompute(w);
  compute.axes = {{.var = Var("b"), .extent = out[0]},
                  {.var = Var("m"), .extent = out[1]},
                  {.var = Var("n"), .extent = out[2]}};
  compute.reduce = {{.var = Var("k"), .extent = w.inputs[0].shape[2]}};
  const std::vector<Expr> axes = Vars(compute.axes);
  const Expr k = compute.reduce[0].var;
  compute.body = Load(compute.inputs[0], {axes[0], axes[1], k}) *
                 Load(compute.inputs[1], {axes[0], k, axes[2]});
  FinishCompute(w, axes[2], &compute);
  return compute;
}

}  // namespace tilewright
