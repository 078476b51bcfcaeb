// dense: data [M,K], weight [N,K], output [M,N]: out[m, n] = sum over k of data[m, k] *
// weight[n, k]. Layouts: the weight's is NK or NK<x>n; the others have no name.
#include "absl/strings/str_cat.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/support/definition.h"
#include "compiler/operators/support/physical.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

absl::Status CheckDense(const Workload& w) {
  return w.inputs[0].shape[1] == w.inputs[1].shape[1]
             ? absl::OkStatus()
             : absl::InvalidArgumentError("workload: dense: K of data and weight disagree");
}

Shape DenseOutput(const Workload& w) { return {w.inputs[0].shape[0], w.inputs[1].shape[0]}; }

double DenseMultiplyAdds(const Workload& w) {
  return static_cast<double>(w.inputs[0].shape[0]) * w.inputs[1].shape[0] * w.inputs[1].shape[1];
}

Compute DefineDense(const Workload& w) {
  const Layout data_layout = LayoutNamed(w.data_layout, "MK");
  const Layout weight_layout = LayoutNamed(w.weight_layout, "NK");
  const Layout out_layout = LayoutNamed(w.out_layout, "MN");
  Compute compute = StartCompute(w);
  compute.axes = PhysicalAxes(out_layout, OutputShape(w), {"m", "n"});
  compute.reduce = {{.var = Var("k"), .extent = w.inputs[0].shape[1]}};
  const std::vector<Expr> out = ToLogical(out_layout, Vars(compute.axes));
  const Expr k = compute.reduce[0].var;
  compute.body = Product(w, Load(compute.inputs[0], ToPhysical(data_layout, {out[0], k})),
                         Load(compute.inputs[1], ToPhysical(weight_layout, {out[1], k})));
  FinishCompute(w, out[1], &compute);
  return compute;
}

std::optional<WorkloadLayouts> Blocked(const Workload& w, int64_t x) {
  if (2 * w.inputs[1].shape[0] < x) return std::nullopt;
  return WorkloadLayouts{.weight = absl::StrCat("NK", x, "n")};
}

}  // namespace

const OperatorDef& dense() {
  static const auto* def = new OperatorDef{.data = {"MK", "", /*named=*/false},
                                           .weight = {"NK", "N"},
                                           .out = {"MN", "", /*named=*/false},
                                           .channel = 1,
                                           .check = CheckDense,
                                           .output_shape = DenseOutput,
                                           .multiply_adds = DenseMultiplyAdds,
                                           .define = DefineDense,
                                           .blocked = Blocked};
  return *def;
}

}  // namespace tilewright
