#include "compiler/loop/float_size.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tilewright {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

bool IsClipBy(BinaryOp op, const Expr& e) {
  return e->kind == ExprKind::kBinary && e->op == op && e->operands[1]->kind == ExprKind::kFloat;
}

double OfCast(const Expr& from) {
  if (!IsInteger(from->dtype)) return IsFloat(from->dtype) ? LargestSize(from) : kUnknown;
  const IntegerLimits limits = LimitsOf(from->dtype);
  return std::max(-static_cast<double>(limits.lowest), static_cast<double>(limits.highest));
}

double OfBinary(const Expr& e) {
  if (const std::optional<Clip> clip = ClipOf(e)) {
    return std::max(std::abs(clip->lowest), std::abs(clip->highest));
  }
  const double a = LargestSize(e->operands[0]), b = LargestSize(e->operands[1]);
  switch (e->op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub: return a + b;
    case BinaryOp::kMul: return std::max(a, b) == kUnknown ? kUnknown : a * b;
    case BinaryOp::kMin:
    case BinaryOp::kMax: return std::max(a, b);
    default: return kUnknown;
  }
}

}  // namespace

std::optional<Clip> ClipOf(const Expr& e) {
  if (!IsClipBy(BinaryOp::kMin, e) || !IsClipBy(BinaryOp::kMax, e->operands[0])) {
    return std::nullopt;
  }
  const Expr& low = e->operands[0];
  return Clip{low->operands[0], low->operands[1]->fvalue, e->operands[1]->fvalue};
}

double LargestSize(const Expr& e) {
  switch (e->kind) {
    case ExprKind::kFloat: return std::isnan(e->fvalue) ? kUnknown : std::abs(e->fvalue);
    case ExprKind::kCast: return OfCast(e->operands[0]);
    case ExprKind::kBinary: return OfBinary(e);
    case ExprKind::kSelect:
      return std::max(LargestSize(e->operands[1]), LargestSize(e->operands[2]));
    case ExprKind::kCall: return e->name == "round" ? LargestSize(e->operands[0]) + 0.5 : kUnknown;
    default: return kUnknown;
  }
}

}  // namespace tilewright
