#include "compiler/operators/support/definition.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/loop/simplify.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {

Layout LayoutNamed(const std::string& name, const std::string& letters) {
  return Layout::Parse(name.empty() ? letters : name).value();
}

Compute StartCompute(const Workload& workload) {
  const std::vector<TensorType> types = ArgumentTypes(workload);
  std::vector<std::string> names = {"data", "weight"};
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOperand operand = OperandOf(workload.epilogue[i].kind);
    if (operand == EpilogueOperand::kNone) continue;
    const bool per_channel = operand == EpilogueOperand::kPerChannel;
    names.push_back(absl::StrCat(per_channel ? "bias" : "residual", i));
  }
  TW_CHECK(names.size() + 1 == types.size()) << workload.Key();
  Compute compute{.name = workload.op, .reducer = Reducer::kSum};
  for (size_t i = 0; i < names.size(); ++i) {
    compute.inputs.push_back(MakeBuffer(names[i], types[i].dtype, types[i].shape));
  }
  compute.output = MakeBuffer("out", types.back().dtype, types.back().shape);
  return compute;
}

void FinishCompute(const Workload& workload, Expr channel, Compute* compute) {
  Ranges ranges;
  for (const std::vector<Axis>* axes : {&compute->axes, &compute->reduce}) {
    for (const Axis& axis : *axes) ranges[axis.var.get()] = {0, axis.extent - 1};
  }
  compute->body = Simplify(compute->body, ranges);
  if (compute->predicate != nullptr) compute->predicate = Simplify(compute->predicate, ranges);
  compute->acc = Var("acc", compute->body->dtype);
  const std::vector<Buffer> extra(compute->inputs.begin() + 2, compute->inputs.end());
  const Expr result =
      ResultOf(workload, compute->acc, extra, {Vars(compute->axes), std::move(channel)});
  if (result != compute->acc) compute->result = result;
}

}  // namespace tilewright
