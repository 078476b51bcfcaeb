#include "compiler/schedule/sum_start.h"

#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// The element that `e` adds to `sum`; null of anything else.
Expr AddendOf(const Expr& e, const Expr& sum) {
  if (e->kind != ExprKind::kBinary || e->op != BinaryOp::kAdd) return nullptr;
  for (const int i : {0, 1}) {
    const Expr& other = e->operands[1 - i];
    if (e->operands[i] == sum && other->kind == ExprKind::kLoad) return other;
  }
  return nullptr;
}

bool UsesOnce(const Expr& e, const Expr& var) {
  int uses = 0;
  const Expr rewritten = Rewrite(e, [&](const Expr& part) {
    if (part == var) ++uses;
    return part;
  });
  return uses == 1;
}

}  // namespace

Expr TakeAddend(Compute* compute) {
  const bool sums = compute->reducer == Reducer::kSum && IsInteger(compute->body->dtype);
  if (!sums || !compute->result || !UsesOnce(compute->result, compute->acc)) return nullptr;
  Expr addend;
  const Expr result = Rewrite(compute->result, [&](const Expr& e) {
    if (addend != nullptr) return e;
    addend = AddendOf(e, compute->acc);
    return addend != nullptr ? compute->acc : e;
  });
  if (addend != nullptr) compute->result = result;
  return addend;
}

}  // namespace tilewright
