#include "compiler/templates/support/split_depth.h"

#include <utility>

#include "compiler/schedule/fixed_gpu.h"

namespace tilewright {
namespace {

// The products of the parts: [parts, the compute's axes].
TensorCoreGemm ProductsInto(const Buffer& partial, const TensorCoreGemm& gemm) {
  TensorCoreGemm products = gemm;
  products.compute = {.name = gemm.compute.name, .output = partial};
  products.inputs = {gemm.inputs[0], gemm.inputs[1]};
  products.axes = [axes = gemm.axes, batch = gemm.batch](const Expr& of, const Expr& m,
                                                         const Expr& n) {
    std::vector<Expr> at = axes(FloorMod(of, batch), m, n);
    at.insert(at.begin(), FloorDiv(of, batch));
    return at;
  };
  return products;
}

// The compute's result of the parts' sum.
Compute AddParts(const Buffer& partial, const Compute& compute) {
  Compute sum = compute;
  sum.name = compute.name + "_sum";
  sum.inputs = {partial};
  sum.inputs.insert(sum.inputs.end(), compute.inputs.begin() + 2, compute.inputs.end());
  sum.reduce = {{Var("part"), partial->shape[0]}};
  sum.predicate = nullptr;
  std::vector<Expr> at = Vars(compute.axes);
  at.insert(at.begin(), sum.reduce[0].var);
  sum.body = Load(partial, std::move(at));
  return sum;
}

Compute Zeros(const Buffer& counters) {
  return {.name = "zero_counters",
          .output = counters,
          .axes = {{Var("tile"), counters->shape[0]}},
          .body = Const(0, counters->dtype)};
}

}  // namespace

LoweredTask LowerSplitDepth(const TensorCoreGemm& gemm, int64_t parts, DType sums,
                            const std::function<Program(const TensorCoreGemm&)>& lower) {
  std::vector<int64_t> shape = {parts};
  for (const Axis& axis : gemm.compute.axes) shape.push_back(axis.extent);
  const Buffer partial = MakeBuffer("partial", sums, shape);
  const int arguments = static_cast<int>(gemm.inputs.size()) + 1;
  LoweredStep products{.program = lower(ProductsInto(partial, gemm)),
                       .operands = {0, 1, arguments}};
  LoweredStep sum{.program = ScheduleFixedGpu(AddParts(partial, gemm.compute)),
                  .operands = {arguments}};
  for (int i = 2; i < arguments; ++i) sum.operands.push_back(i);
  return {.buffers = {{.dtype = partial->dtype, .shape = partial->shape}},
          .steps = {std::move(products), std::move(sum)}};
}

LoweredTask LowerLastBlock(Program program) {
  if (program.written == 1) return SingleStep(std::move(program));
  const auto inputs = static_cast<int>(program.params.size() - program.written);
  const int partial = inputs + 1, counters = inputs + 2;
  LoweredTask task;
  for (const Buffer& left : {program.params.end()[-3], program.params.end()[-2]}) {
    task.buffers.push_back({.dtype = left->dtype, .shape = left->shape});
  }
  task.prepare = {
      {.program = ScheduleFixedGpu(Zeros(program.params.end()[-2])), .operands = {counters}}};
  LoweredStep step{.program = std::move(program)};
  for (int i = 0; i < inputs; ++i) step.operands.push_back(i);
  step.operands.insert(step.operands.end(), {partial, counters, inputs});
  task.steps = {std::move(step)};
  return task;
}

}  // namespace tilewright
