#include "compiler/loop/compute.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

Stmt Nest(const std::vector<Axis>& axes, Stmt body) {
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    body = For(axis->var, axis->extent, LoopKind::kSerial, std::move(body));
  }
  return body;
}

// Value of an output element of a definition without reduction.
Expr PointValue(const Compute& compute) {
  Expr value = compute.result != nullptr ? compute.result : compute.body;
  if (compute.predicate != nullptr) {
    value = Select(compute.predicate, value, InitialValue(Reducer::kNone, value->dtype));
  }
  return value;
}

Stmt LowerReduction(const Compute& compute) {
  const DType dtype = compute.body->dtype;
  const Buffer cell = MakeBuffer(absl::StrCat(compute.name, "_acc"), dtype, {1}, Scope::kStack);
  const Expr acc = Load(cell, {Int(0)});
  Stmt update = Store(cell, {Int(0)}, Combine(compute.reducer, acc, compute.body));
  if (compute.predicate != nullptr) update = If(compute.predicate, std::move(update));
  Expr result = acc;
  if (compute.result != nullptr) {
    result = Substitute(compute.result, Substitution{{compute.acc.get(), acc}});
  }
  return Alloc(cell, Seq({Store(cell, {Int(0)}, InitialValue(compute.reducer, dtype)),
                          Nest(compute.reduce, std::move(update)),
                          Store(compute.output, Vars(compute.axes),
                                Cast(std::move(result), compute.output->dtype))}));
}

}  // namespace

Expr InitialValue(Reducer reducer, DType dtype) {
  const bool is_float = IsFloat(dtype);
  const double inf = std::numeric_limits<double>::infinity();
  switch (reducer) {
    case Reducer::kMax: return is_float ? Float(-inf, dtype) : Int(LimitsOf(dtype).lowest, dtype);
    case Reducer::kMin:
      if (is_float) return Float(inf, dtype);
      return Int(static_cast<int64_t>(LimitsOf(dtype).highest), dtype);
    case Reducer::kProd: return Const(1, dtype);
    case Reducer::kNone:
    case Reducer::kSum: return Const(0, dtype);
  }
  return nullptr;
}

Expr Combine(Reducer reducer, Expr a, Expr b) {
  switch (reducer) {
    case Reducer::kSum: return std::move(a) + std::move(b);
    case Reducer::kMax: return Max(std::move(a), std::move(b));
    case Reducer::kMin: return Min(std::move(a), std::move(b));
    case Reducer::kProd: return std::move(a) * std::move(b);
    case Reducer::kNone: break;
  }
  TW_CHECK(false) << "a definition without reduction has nothing to combine";
  return nullptr;
}

Program LowerPlain(const Compute& compute) {
  Program program{.name = compute.name, .params = compute.inputs};
  program.params.push_back(compute.output);
  if (compute.procedure != nullptr) {
    program.body = compute.procedure;
    return program;
  }
  Stmt point = compute.reducer == Reducer::kNone
                   ? Store(compute.output, Vars(compute.axes),
                           Cast(PointValue(compute), compute.output->dtype))
                   : LowerReduction(compute);
  program.body = Nest(compute.axes, std::move(point));
  return program;
}

std::vector<Axis> MakeAxes(const std::vector<int64_t>& shape, const std::string& prefix) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes.push_back({.var = Var(absl::StrCat(prefix, i)), .extent = shape[i]});
  }
  return axes;
}

std::vector<Expr> Vars(const std::vector<Axis>& axes) {
  std::vector<Expr> vars;
  for (const Axis& axis : axes) vars.push_back(axis.var);
  return vars;
}

}  // namespace tilewright
