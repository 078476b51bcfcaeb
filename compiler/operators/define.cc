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

// Without the sum where it adds 0, which no compiler may leave out: -0 + 0 is 0.
Expr Linear(const Expr& x, const EpilogueOp& step) {
  const Expr product = x * Const(step.a, x->dtype);
  return step.b == 0 ? product : product + Const(step.b, x->dtype);
}

// What an epilogue that ends in round, clip and perhaps a shift gives of x, where all of its
// numbers are whole: one conversion, which rounds, since what is clipped first rounds to the same.
struct WholeEnd {
  size_t steps = 0;  // that it replaces; 0: the epilogue ends otherwise
  double lo = 0, hi = 0, shift = 0;
};

WholeEnd WholeEndOf(const Workload& workload) {
  const std::vector<EpilogueOp>& all = workload.epilogue;
  const DType out = OutputTypeOf(workload);
  if (!IsInteger(out) || SizeOf(out) > 2) return {};
  const bool shifts = !all.empty() && all.back().kind == EpilogueKind::kLinear && all.back().a == 1;
  WholeEnd end{.steps = shifts ? 3u : 2u, .shift = shifts ? all.back().b : 0};
  if (all.size() < end.steps) return {};
  const EpilogueOp& round = all[all.size() - end.steps];
  const EpilogueOp& clip = all[all.size() - end.steps + 1];
  if (round.kind != EpilogueKind::kRound || clip.kind != EpilogueKind::kClip) return {};
  end.lo = clip.a;
  end.hi = clip.b;
  const auto fits = [](double x, DType dtype) {
    const IntegerLimits limits = LimitsOf(dtype);
    return x == std::floor(x) && x >= static_cast<double>(limits.lowest) &&
           x <= static_cast<double>(limits.highest);
  };
  const bool whole = fits(end.lo, DType::kI16) && fits(end.hi, DType::kI16) &&
                     fits(end.shift, DType::kI16) && fits(end.lo + end.shift, out) &&
                     fits(end.hi + end.shift, out);
  return whole ? end : WholeEnd{};
}

Expr WholeResult(const WholeEnd& end, const Expr& x, DType out) {
  const Expr rounded = Call("round", {Clip(x, end.lo, end.hi)}, x->dtype);
  if (end.shift == 0) return Cast(rounded, out);
  return Cast(Cast(rounded, DType::kI16) + Int(static_cast<int64_t>(end.shift), DType::kI16), out);
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
    case EpilogueKind::kLinear: return Linear(x, step);
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
              const OutputPlace& at) {
  size_t next = 0;
  Expr value = std::move(total);
  const WholeEnd end = WholeEndOf(workload);
  for (size_t i = 0; i + end.steps < workload.epilogue.size(); ++i) {
    const EpilogueOp& step = workload.epilogue[i];
    value = Cast(std::move(value), StepTypeOf(workload, i));
    const EpilogueOperand operand = OperandOf(step.kind);
    Expr element;
    if (operand != EpilogueOperand::kNone) {
      const bool per_channel = operand == EpilogueOperand::kPerChannel;
      element = Load(inputs.at(next++), per_channel ? std::vector<Expr>{at.channel} : at.indices);
      element = Cast(std::move(element), value->dtype);
    }
    value = ApplyStep(step, value, element);
  }
  const DType out = OutputTypeOf(workload);
  if (end.steps > 0) return WholeResult(end, Cast(std::move(value), DType::kF32), out);
  return Cast(std::move(value), out);
}

Compute Define(const Workload& workload) {
  const absl::Status status = CheckWorkload(workload);
  TW_CHECK(status.ok()) << status.message();
  return OperatorOf(workload).define(workload);
}

}  // namespace tilewright
