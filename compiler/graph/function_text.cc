#include "compiler/graph/function_text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "compiler/core/dtype.h"

namespace tilewright {
namespace {

constexpr size_t kMostProducts = 16;

// Sorted factors, atoms by their text, to the coefficient of their product.
using Polynomial = std::map<std::vector<std::string>, double>;
using Result = std::optional<Polynomial>;

Polynomial Number(double value) { return {{{}, value}}; }
Polynomial Atom(std::string text) { return {{{std::move(text)}, 1}}; }

bool IsNumber(const Polynomial& p) { return p.empty() || (p.size() == 1 && p.count({})); }
double NumberOf(const Polynomial& p) { return p.empty() ? 0 : p.begin()->second; }

Polynomial Sum(Polynomial a, const Polynomial& b, double factor) {
  for (const auto& [atoms, coefficient] : b) a[atoms] += factor * coefficient;
  std::erase_if(a, [](const auto& term) { return term.second == 0; });
  return a;
}

Polynomial Product(const Polynomial& a, const Polynomial& b) {
  Polynomial product;
  for (const auto& [left, c] : a) {
    for (const auto& [right, d] : b) {
      std::vector<std::string> atoms = left;
      atoms.insert(atoms.end(), right.begin(), right.end());
      std::sort(atoms.begin(), atoms.end());
      product[atoms] += c * d;
    }
  }
  return product;
}

std::string Text(const Polynomial& p) {
  return absl::StrJoin(p, "+", [](std::string* out, const auto& term) {
    absl::StrAppendFormat(out, "%.6g", term.second);
    for (const std::string& atom : term.first) absl::StrAppend(out, "*", atom);
  });
}

// Where both bounds are finite, scale and shift are taken out so that they become 0 and 1.
Polynomial Clipped(const Polynomial& p, double lo, double hi) {
  const double width = hi - lo;
  if (!std::isfinite(width) || width == 0) {
    return Atom(absl::StrFormat("clip(%s,%.6g,%.6g)", Text(p), lo, hi));
  }
  const Polynomial inside = Product(Sum(p, Number(lo), -1), Number(1 / width));
  return Sum(Number(lo), Atom(absl::StrCat("clip(", Text(inside), ")")), width);
}

class Reader {
 public:
  explicit Reader(const Expr& x) : x_(Unrounded(x)) {}

  Result Read(const Expr& rounded) const {
    const Expr e = Unrounded(rounded);
    if (Equal(e, x_)) return Atom("x");
    if (e->kind == ExprKind::kFloat) return Number(e->fvalue);
    if (!IsFloat(e->dtype)) return std::nullopt;
    if (const std::optional<ClipForm> clip = MatchClip(e)) {
      const Result inside = Read(clip->x);
      return inside ? Result(Clipped(*inside, clip->lo, clip->hi)) : std::nullopt;
    }
    if (e->kind != ExprKind::kCall && e->kind != ExprKind::kBinary) return std::nullopt;
    std::vector<Polynomial> operands;
    for (const Expr& operand : e->operands) {
      Result read = Read(operand);
      if (!read || read->size() > kMostProducts) return std::nullopt;
      operands.push_back(*std::move(read));
    }
    return e->kind == ExprKind::kCall ? OfCall(e->name, operands) : OfBinary(e->op, operands);
  }

 private:
  static Result OfCall(const std::string& name, const std::vector<Polynomial>& operands) {
    if (name == "neg") return Product(operands[0], Number(-1));
    if (name == "pow" && IsNumber(operands[1])) {
      const double power = NumberOf(operands[1]);
      if (power == 2) return Product(operands[0], operands[0]);
      if (power == 3) return Product(Product(operands[0], operands[0]), operands[0]);
    }
    std::string text = name;
    for (const Polynomial& p : operands) absl::StrAppend(&text, "(", Text(p), ")");
    return Atom(std::move(text));
  }

  static Result OfBinary(BinaryOp op, const std::vector<Polynomial>& operands) {
    const Polynomial &a = operands[0], &b = operands[1];
    switch (op) {
      case BinaryOp::kAdd: return Sum(a, b, 1);
      case BinaryOp::kSub: return Sum(a, b, -1);
      case BinaryOp::kMul: return Product(a, b);
      case BinaryOp::kDiv:
        if (IsNumber(b) && NumberOf(b) != 0) return Product(a, Number(1 / NumberOf(b)));
        return Product(a, Atom(absl::StrCat("1/(", Text(b), ")")));
      default: return std::nullopt;
    }
  }

  const Expr x_;
};

// The operand besides a float literal of `op`; the literal goes to *value. Null for anything else.
Expr OperandBesideLiteral(const Expr& e, BinaryOp op, double* value) {
  if (e->kind != ExprKind::kBinary || e->op != op) return nullptr;
  for (int i : {0, 1}) {
    if (e->operands[i]->kind != ExprKind::kFloat) continue;
    *value = e->operands[i]->fvalue;
    return e->operands[1 - i];
  }
  return nullptr;
}

}  // namespace

std::optional<ClipForm> MatchClip(const Expr& e) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  ClipForm clip{.lo = -kNone, .hi = kNone};
  for (BinaryOp op : {BinaryOp::kMin, BinaryOp::kMax, BinaryOp::kMin}) {
    double* bound = op == BinaryOp::kMin ? &clip.hi : &clip.lo;
    if (std::isfinite(*bound)) break;
    const Expr at = Unrounded(clip.x == nullptr ? e : clip.x);
    if (Expr x = OperandBesideLiteral(at, op, bound)) clip.x = std::move(x);
  }
  if (clip.x == nullptr || !(clip.lo <= clip.hi)) return std::nullopt;
  return clip;
}

Expr Unrounded(Expr e) {
  const auto converts = [](const Expr& x) {
    if (x->kind != ExprKind::kCast) return false;
    const DType from = x->operands[0]->dtype, to = x->dtype;
    return (IsNarrowFloat(from) && to == DType::kF32) || (from == DType::kF32 && IsNarrowFloat(to));
  };
  while (converts(e)) e = e->operands[0];
  return e;
}

std::string FunctionText(const Expr& e, const Expr& x) {
  const Result read = Reader(x).Read(e);
  return read && read->size() <= kMostProducts ? Text(*read) : "";
}

}  // namespace tilewright
