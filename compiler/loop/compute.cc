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

Stmt LowerPoint(const Compute& compute) {
  if (compute.reducer != Reducer::kNone) return LowerReduction(compute);
  return Store(compute.output, Vars(compute.axes),
               Cast(PointValue(compute), compute.output->dtype));
}

// A row at a time: its stages in order, then its part of the output.
Stmt LowerRows(const Compute& compute) {
  std::vector<Stmt> row;
  for (const Compute& stage : compute.stages) {
    row.push_back(Nest(stage.axes, LowerPoint(stage)));
  }
  row.push_back(Nest(OwnAxes(compute), LowerPoint(compute)));
  Stmt body = Seq(std::move(row));
  for (const Compute& stage : compute.stages) body = Alloc(stage.output, std::move(body));
  const auto first = compute.axes.begin();
  return Nest({first, first + static_cast<ptrdiff_t>(compute.rows)}, std::move(body));
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
  program.body =
      compute.stages.empty() ? Nest(compute.axes, LowerPoint(compute)) : LowerRows(compute);
  return program;
}

bool EveryLoad(const Compute& compute, const std::function<bool(const Expr& load)>& holds) {
  bool all = true;
  for (const Expr& root : {compute.body, compute.predicate, compute.result}) {
    if (root == nullptr) continue;
    ForEachExpr(root, [&](const Expr& e) {
      if (e->kind == ExprKind::kLoad) all = all && holds(e);
    });
  }
  return all;
}

bool WalksMemory(const Expr& load, const Expr& var) {
  for (size_t i = 0; i < load->operands.size(); ++i) {
    const Expr& index = load->operands[i];
    if (!UsesVar(index, var)) continue;
    if (i + 1 < load->operands.size()) return false;
    const bool sum = index->kind == ExprKind::kBinary && index->op == BinaryOp::kAdd;
    const auto is_other = [&](int k) {
      return index->operands[k] == var && !UsesVar(index->operands[1 - k], var);
    };
    if (index != var && !(sum && (is_other(0) || is_other(1)))) return false;
  }
  return true;
}

std::vector<Axis> MakeAxes(const std::vector<int64_t>& shape, const std::string& prefix) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); ++i) {
    axes.push_back({.var = Var(absl::StrCat(prefix, i)), .extent = shape[i]});
  }
  return axes;
}

std::vector<Axis> OwnAxes(const Compute& compute) {
  return {compute.axes.begin() + static_cast<ptrdiff_t>(compute.rows), compute.axes.end()};
}

std::vector<Expr> Vars(const std::vector<Axis>& axes) {
  std::vector<Expr> vars;
  for (const Axis& axis : axes) vars.push_back(axis.var);
  return vars;
}

}  // namespace tilewright
