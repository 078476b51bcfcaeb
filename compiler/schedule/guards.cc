#include "compiler/schedule/guards.h"

#include <algorithm>

namespace tilewright {
namespace {

// Border iterations worth a copy of the body each side.
constexpr int64_t kMaxBorder = 4;

Ranges With(const Ranges& ranges, const Expr& var, Range range) {
  Ranges extended = ranges;
  extended[var.get()] = range;
  return extended;
}

bool Holds(const Expr& atom, const Ranges& ranges) { return Decide(atom, ranges).value_or(false); }

}  // namespace

std::vector<Expr> SplitConjunction(const Expr& condition) {
  if (!condition) return {};
  if (condition->kind != ExprKind::kBinary || condition->op != BinaryOp::kAnd) return {condition};
  std::vector<Expr> atoms = SplitConjunction(condition->operands[0]);
  for (Expr& atom : SplitConjunction(condition->operands[1])) atoms.push_back(std::move(atom));
  return atoms;
}

std::vector<Expr> ChoicesOf(const Expr& e) {
  std::vector<Expr> conditions;
  ForEachExpr(e, [&](const Expr& node) {
    if (node->kind == ExprKind::kSelect) conditions.push_back(node->operands[0]);
  });
  return conditions;
}

std::optional<bool> Decide(const Expr& condition, const Ranges& ranges) {
  const Expr simple = Simplify(condition, ranges);
  if (const int64_t* value = AsInt(simple)) return *value != 0;
  return std::nullopt;
}

std::vector<Expr> VariablesOf(const Expr& e) {
  std::vector<Expr> variables;
  ForEachExpr(e, [&](const Expr& node) {
    if (node->kind == ExprKind::kVar &&
        std::find(variables.begin(), variables.end(), node) == variables.end()) {
      variables.push_back(node);
    }
  });
  return variables;
}

std::vector<Iterations> PartitionLoop(const Expr& var, int64_t extent,
                                      const std::vector<Expr>& atoms, const Ranges& ranges) {
  int64_t lo = 0, hi = extent - 1;
  for (const Expr& atom : atoms) {
    if (!UsesVar(atom, var) || Holds(atom, With(ranges, var, {0, extent - 1}))) continue;
    const int64_t reach = std::min(kMaxBorder, extent - 1);
    for (int64_t a = 1; a <= reach; ++a) {
      if (Holds(atom, With(ranges, var, {a, extent - 1}))) {
        lo = std::max(lo, a);
        break;
      }
      if (Holds(atom, With(ranges, var, {0, extent - 1 - a}))) {
        hi = std::min(hi, extent - 1 - a);
        break;
      }
    }
  }
  std::vector<Iterations> parts;
  if (lo > hi) {  // both borders meet: every iteration alone, when there are few
    if (extent > 2 * kMaxBorder) return {{0, extent - 1}};
    for (int64_t i = 0; i < extent; ++i) parts.push_back({i, i});
    return parts;
  }
  for (int64_t i = 0; i < lo; ++i) parts.push_back({i, i});
  parts.push_back({lo, hi});
  for (int64_t i = hi + 1; i < extent; ++i) parts.push_back({i, i});
  return parts;
}

std::optional<int64_t> PrefixLength(const Expr& atom, const Expr& var, int64_t extent) {
  const std::vector<Expr> variables = VariablesOf(atom);
  if (variables.size() != 1 || variables[0] != var) return std::nullopt;
  int64_t length = 0;
  for (int64_t i = 0; i < extent; ++i) {
    const std::optional<bool> holds = Decide(Substitute(atom, {{var.get(), Int(i)}}), {});
    if (!holds) return std::nullopt;
    if (!*holds) continue;
    if (length != i) return std::nullopt;
    length = i + 1;
  }
  return length;
}

}  // namespace tilewright
