#include "compiler/operators/define.h"

#include <utility>

#include "base/check.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

Expr Clip(Expr value, double lo, double hi) {
  const DType dtype = value->dtype;
  return Min(Max(std::move(value), Const(lo, dtype)), Const(hi, dtype));
}

Expr Sigmoid(Expr value) {
  const DType dtype = value->dtype;
  Expr decay = Call("exp", {Call("neg", {std::move(value)}, dtype)}, dtype);
  return Binary(BinaryOp::kDiv, Float(1, dtype), Float(1, dtype) + std::move(decay));
}

Expr ApplyStep(const EpilogueOp& step, Expr value, const Buffer& input,
               const std::vector<Expr>& axes, const Expr& channel) {
  const DType dtype = value->dtype;
  switch (step.kind) {
    case EpilogueKind::kBias: return std::move(value) + Cast(Load(input, {channel}), dtype);
    case EpilogueKind::kAdd: return std::move(value) + Cast(Load(input, axes), dtype);
    case EpilogueKind::kRelu: return Max(std::move(value), Const(0, dtype));
    case EpilogueKind::kClip: return Clip(std::move(value), step.lo, step.hi);
    case EpilogueKind::kSigmoid: return Sigmoid(std::move(value));
    case EpilogueKind::kTanh: return Call("tanh", {std::move(value)}, dtype);
  }
  return nullptr;
}

}  // namespace

Expr Product(const Workload& workload, Expr data, Expr weight) {
  const DType acc = AccumulatorOf(workload);
  return Cast(std::move(data), acc) * Cast(std::move(weight), acc);
}

Expr ResultOf(const Workload& workload, Expr total, const std::vector<Buffer>& inputs,
              const std::vector<Expr>& axes, Expr channel) {
  size_t next = 0;
  Expr value = Cast(std::move(total), EpilogueTypeOf(workload));
  for (const EpilogueOp& step : workload.epilogue) {
    const Buffer input =
        OperandOf(step.kind) == EpilogueOperand::kNone ? nullptr : inputs.at(next++);
    value = ApplyStep(step, std::move(value), input, axes, channel);
  }
  return Cast(std::move(value), OutputTypeOf(workload));
}

Compute Define(const Workload& workload) {
  const absl::Status status = CheckWorkload(workload);
  TW_CHECK(status.ok()) << status.message();
  return OperatorOf(workload).define(workload);
}

}  // namespace tilewright
