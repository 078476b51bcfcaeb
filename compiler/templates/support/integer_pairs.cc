#include "compiler/templates/support/integer_pairs.h"

#include <utility>

namespace tilewright {
namespace {

bool FitsSigned16(DType dtype) {
  return IsInteger(dtype) && (SizeOf(dtype) == 1 || dtype == DType::kI16);
}

}  // namespace

bool TakesPairs(const Workload& workload, const Target& target, int64_t extent) {
  return target.kind == "cpu" && TraitsOf(target).vector_bits >= 256 && extent % 2 == 0 &&
         FitsSigned16(workload.inputs[0].dtype) && FitsSigned16(workload.inputs[1].dtype) &&
         AccumulatorOf(workload) == DType::kI32;
}

Expr PairWord(const Expr& first, const Expr& second) {
  const Expr lower = Binary(BinaryOp::kAnd, Cast(first, DType::kI32), Int(0xffff, DType::kI32));
  const Expr upper = Call("shl", {Cast(second, DType::kI32), Int(16, DType::kI32)}, DType::kI32);
  return Binary(BinaryOp::kOr, lower, upper);
}

LoweredTask WithPreparedWeights(Program compute, Program preparation) {
  const Buffer words = preparation.params.back();
  const int prepared = static_cast<int>(compute.params.size());  // after the task's arguments
  LoweredStep step{.program = std::move(compute)};
  for (int i = 0; i < prepared; ++i) step.operands.push_back(i == 1 ? prepared : i);
  LoweredTask task{.buffers = {{words->dtype, words->shape}}};
  task.prepare.push_back({std::move(preparation), {1, prepared}});
  task.steps.push_back(std::move(step));
  return task;
}

}  // namespace tilewright
