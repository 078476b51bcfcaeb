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

Program Zeros(const char* name, const Buffer& buffer) {
  Compute zeros{.name = name, .output = buffer, .body = Const(0, buffer->dtype)};
  for (const int64_t extent : buffer->shape) zeros.axes.push_back({Var("i"), extent});
  return ScheduleFixedGpu(zeros);
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
      {.program = Zeros("zero_counters", program.params.end()[-2]), .operands = {counters}}};
  LoweredStep step{.program = std::move(program)};
  for (int i = 0; i < inputs; ++i) step.operands.push_back(i);
  step.operands.insert(step.operands.end(), {partial, counters, inputs});
  task.steps = {std::move(step)};
  return task;
}

bool MayAddAtomically(const Compute& compute) {
  const DType type = compute.output->dtype;
  return compute.result == nullptr && (type == DType::kF32 || type == DType::kI32);
}

void DefineAtomicsKnob(const Compute& compute, ConfigSpace* space) {
  std::vector<OtherEntity> candidates = {int64_t{0}};
  if (MayAddAtomically(compute)) candidates.push_back(int64_t{1});
  space->DefineLaterKnob(kAtomicsKnob, std::move(candidates));
}

TensorCoreGemm AtomicSums(const TensorCoreGemm& gemm) {
  TensorCoreGemm sums = gemm;
  sums.atomic = true;
  sums.axes = [axes = gemm.axes, batch = gemm.batch](const Expr& of, const Expr& m, const Expr& n) {
    return axes(FloorMod(of, batch), m, n);
  };
  return sums;
}

LoweredTask WithZeros(LoweredTask task) {
  const LoweredStep& last = task.steps.back();
  LoweredStep zeros{.program = Zeros("zero_sums", last.program.params.back()),
                    .operands = {last.operands.back()}};
  task.steps.insert(task.steps.begin(), std::move(zeros));
  return task;
}

}  // namespace tilewright
