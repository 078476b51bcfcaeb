// out[m, n] = sum over k of data[m, k] * weight[n, k].
#include "compiler/operators/operators.h"
#include "compiler/operators/physical.h"

namespace tilewright {

Compute DefineDense(const Workload& w) {
  const Layout data_layout = LayoutNamed(w.data_layout, "MK");
  const Layout weight_layout = LayoutNamed(w.weight_layout, "NK");
  const Layout out_layout = LayoutNamed(w.out_layout, "MN");
  Compute compute = StartCompute(w);
  compute.axes = PhysicalAxes(out_layout, OutputShape(w), {"m", "n"});
  compute.reduce = {{.var = Var("k"), .extent = w.inputs[0].shape[1]}};
  const std::vector<Expr> out = ToLogical(out_layout, Vars(compute.axes));
  const Expr k = compute.reduce[0].var;
  compute.body = Load(compute.inputs[0], ToPhysical(data_layout, {out[0], k})) *
                 Load(compute.inputs[1], ToPhysical(weight_layout, {out[1], k}));
  FinishCompute(w, out[1], &compute);
  return compute;
}

}  // namespace tilewright
