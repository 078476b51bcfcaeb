#include "compiler/operators/define.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

Expr Clip(Expr x, double lo, double hi) {
  const DType dtype = x->dtype;
  if (lo > -std::numeric_limits<double>::infinity()) x = Max(std::move(x), Const(lo, dtype));
  if (hi < std::numeric_limits<double>::infinity()) x = Min(std::move(x), Const(hi, dtype));
  return x;
}

Expr Sigmoid(const Expr& x) {
  const Expr one = Float(1, x->dtype);
  return Binary(BinaryOp::kDiv, one, one + Call("exp", {Call("neg", {x}, x->dtype)}, x->dtype));
}

Expr Gelu(const Expr& x) {
  const auto number = [&](double value) { return Float(value, x->dtype); };
  const Expr gate = Call("erf", {x * number(std::sqrt(0.5))}, x->dtype);
  return number(0.5) * x * (number(1) + gate);
}

Expr GeluTanh(const Expr& x) {
  const auto number = [&](double value) { return Float(value, x->dtype); };
  const Expr cubic = x + number(0.044715) * x * x * x;
  const Expr gate = Call("tanh", {cubic * number(std::sqrt(2 / M_PI))}, x->dtype);
  return number(0.5) * x * (number(1) + gate);
}

Expr LeakyRelu(const Expr& x, const Expr& slope) {
  return Select(Lt(x, Float(0, x->dtype)), x * slope, x);
}

}  // namespace

Expr ApplyStep(const EpilogueOp& step, const Expr& x, const Expr& operand) {
  const auto number = [&](double value) { return Const(value, x->dtype); };
  switch (step.kind) {
    case EpilogueKind::kBias:
    case EpilogueKind::kAdd: return x + operand;
    case EpilogueKind::kRelu: return Max(x, number(0));
    case EpilogueKind::kClip: return Clip(x, step.a, step.b);
    case EpilogueKind::kSigmoid: return Sigmoid(x);
    case EpilogueKind::kTanh: return Call("tanh", {x}, x->dtype);
    case EpilogueKind::kLinear: return x * number(step.a) + number(step.b);
    case EpilogueKind::kScale:
    case EpilogueKind::kMul: return x * operand;
    case EpilogueKind::kLeakyRelu: return LeakyRelu(x, number(step.a));
    case EpilogueKind::kPRelu: return LeakyRelu(x, operand);
    case EpilogueKind::kSilu: return x * Sigmoid(x);
    case EpilogueKind::kHardSwish: return x * Clip(x * number(1.0 / 6) + number(0.5), 0, 1);
    case EpilogueKind::kGelu: return Gelu(x);
    case EpilogueKind::kGeluTanh: return GeluTanh(x);
    case EpilogueKind::kRound: return Call("round", {x}, x->dtype);
  }
  return nullptr;
}

Expr Product(const Workload& workload, Expr data, Expr weight) {
  const DType acc = AccumulatorOf(workload);
  return Cast(std::move(data), acc) * Cast(std::move(weight), acc);
}

Expr ResultOf(const Workload& workload, Expr total, const std::vector<Buffer>& inputs,
              const std::vector<Expr>& axes, Expr channel) {
  size_t next = 0;
  Expr value = std::move(total);
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOp& step = workload.epilogue[i];
    value = Cast(std::move(value), StepTypeOf(workload, i));
    const EpilogueOperand operand = OperandOf(step.kind);
    Expr element;
    if (operand != EpilogueOperand::kNone) {
      const bool per_channel = operand == EpilogueOperand::kPerChannel;
      element = Load(inputs.at(next++), per_channel ? std::vector<Expr>{channel} : axes);
      element = Cast(std::move(element), value->dtype);
    }
    value = ApplyStep(step, value, element);
  }
  return Cast(std::move(value), OutputTypeOf(workload));
}

Compute Define(const Workload& workload) {
  const absl::Status status = CheckWorkload(workload);
  TW_CHECK(status.ok()) << status.message();
  return OperatorOf(workload).define(workload);
}

}  // namespace tilewright
