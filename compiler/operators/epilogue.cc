#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/loop/simplify.h"
#include "compiler/operators/operators.h"

namespace tilewright {
namespace {

bool TakesInput(const EpilogueOp& step) {
  return step.kind == EpilogueKind::kBias || step.kind == EpilogueKind::kAdd;
}

Expr Clip(Expr value, double lo, double hi) {
  const DType dtype = value->dtype;
  return Min(Max(std::move(value), Float(lo, dtype)), Float(hi, dtype));
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
    case EpilogueKind::kBias: return std::move(value) + Load(input, {channel});
    case EpilogueKind::kAdd: return std::move(value) + Load(input, axes);
    case EpilogueKind::kRelu: return Max(std::move(value), Float(0, dtype));
    case EpilogueKind::kClip: return Clip(std::move(value), step.lo, step.hi);
    case EpilogueKind::kSigmoid: return Sigmoid(std::move(value));
    case EpilogueKind::kTanh: return Call("tanh", {std::move(value)}, dtype);
  }
  return nullptr;
}

}  // namespace

Expr ApplyEpilogue(const std::vector<EpilogueOp>& epilogue, Expr value,
                   const std::vector<Buffer>& inputs, const std::vector<Expr>& axes, Expr channel) {
  size_t next = 0;
  for (const EpilogueOp& step : epilogue) {
    const Buffer input = TakesInput(step) ? inputs.at(next++) : nullptr;
    value = ApplyStep(step, std::move(value), input, axes, channel);
  }
  return value;
}

Layout LayoutNamed(const std::string& name, const std::string& letters) {
  return Layout::Parse(name.empty() ? letters : name).value();
}

Compute StartCompute(const Workload& workload) {
  const std::vector<TensorType> types = ArgumentTypes(workload);
  std::vector<std::string> names = {"data", "weight"};
  for (size_t i = 0; i < workload.epilogue.size(); ++i) {
    const EpilogueOp& step = workload.epilogue[i];
    if (!TakesInput(step)) continue;
    names.push_back(absl::StrCat(step.kind == EpilogueKind::kBias ? "bias" : "residual", i));
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
  if (workload.epilogue.empty()) return;
  const std::vector<Buffer> extra(compute->inputs.begin() + 2, compute->inputs.end());
  compute->result = ApplyEpilogue(workload.epilogue, compute->acc, extra, Vars(compute->axes),
                                  std::move(channel));
}

}  // namespace tilewright
