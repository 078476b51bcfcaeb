#include "compiler/loop/visit.h"

#include <unordered_set>
#include <utility>

namespace tilewright {
namespace {

using RewriteFn = std::function<Expr(const Expr&)>;

// The node with other operands. Built by the builders, so index arithmetic is folded again.
Expr WithOperands(const Expr& e, std::vector<Expr> operands) {
  switch (e->kind) {
    case ExprKind::kLoad: return Load(e->buffer, std::move(operands));
    case ExprKind::kCall: return Call(e->name, std::move(operands), e->dtype);
    case ExprKind::kBinary: return Binary(e->op, std::move(operands[0]), std::move(operands[1]));
    case ExprKind::kSelect:
      return Select(std::move(operands[0]), std::move(operands[1]), std::move(operands[2]));
    case ExprKind::kCast: return Cast(std::move(operands[0]), e->dtype);
    default: return e;
  }
}

// Rewrites shared nodes once; the memo lives as long as the input, so addresses are stable.
class Rewriter {
 public:
  explicit Rewriter(const RewriteFn& rewrite) : rewrite_(rewrite) {}

  Expr Run(const Expr& e) {
    if (e == nullptr) return nullptr;
    if (e->operands.empty()) return rewrite_(e);
    const auto found = memo_.find(e.get());
    if (found != memo_.end()) return found->second;
    Expr result = rewrite_(RewriteOperands(e));
    memo_.emplace(e.get(), result);
    return result;
  }

  Stmt Run(const Stmt& s) {
    if (s == nullptr) return nullptr;
    StmtNode node = *s;
    node.min = Run(s->min);
    node.extent = Run(s->extent);
    node.value = Run(s->value);
    node.condition = Run(s->condition);
    bool same = node.min == s->min && node.extent == s->extent && node.value == s->value &&
                node.condition == s->condition;
    for (Expr& index : node.indices) index = Run(Expr(index));
    for (Expr& operand : node.operands) operand = Run(Expr(operand));
    for (Stmt& child : node.body) child = Run(Stmt(child));
    same =
        same && node.indices == s->indices && node.operands == s->operands && node.body == s->body;
    return same ? s : std::make_shared<const StmtNode>(std::move(node));
  }

 private:
  Expr RewriteOperands(const Expr& e) {
    std::vector<Expr> operands;
    operands.reserve(e->operands.size());
    for (const Expr& operand : e->operands) operands.push_back(Run(operand));
    return operands == e->operands ? e : WithOperands(e, std::move(operands));
  }

  const RewriteFn& rewrite_;
  std::unordered_map<const ExprNode*, Expr> memo_;
};

RewriteFn Replacer(const Substitution& replacements) {
  return [&replacements](const Expr& e) {
    if (e->kind != ExprKind::kVar) return e;
    const auto found = replacements.find(e.get());
    return found == replacements.end() ? e : found->second;
  };
}

// Pre-order search for a node that `found` accepts. Shared nodes are seen once, so that the walk is
// linear in the number of nodes.
bool Find(const Expr& e, const std::function<bool(const Expr&)>& found,
          std::unordered_set<const ExprNode*>* seen) {
  const bool shared = e.use_count() > 1 && !e->operands.empty();
  if (shared && !seen->insert(e.get()).second) return false;
  if (found(e)) return true;
  for (const Expr& operand : e->operands) {
    if (Find(operand, found, seen)) return true;
  }
  return false;
}

}  // namespace

Expr Rewrite(const Expr& e, const RewriteFn& rewrite) { return Rewriter(rewrite).Run(e); }

Stmt RewriteExprs(const Stmt& s, const RewriteFn& rewrite) { return Rewriter(rewrite).Run(s); }

Expr Substitute(const Expr& e, const Substitution& replacements) {
  return replacements.empty() ? e : Rewrite(e, Replacer(replacements));
}

Stmt Substitute(const Stmt& s, const Substitution& replacements) {
  return replacements.empty() ? s : RewriteExprs(s, Replacer(replacements));
}

void ForEachExpr(const Expr& e, const std::function<void(const Expr&)>& visit) {
  std::unordered_set<const ExprNode*> seen;
  const std::function<bool(const Expr&)> all = [&visit](const Expr& node) {
    visit(node);
    return false;
  };
  if (e != nullptr) Find(e, all, &seen);
}

void ForEachExpr(const Stmt& s, const std::function<void(const Expr&)>& visit) {
  ForEachStmt(s, [&](const Stmt& stmt) {
    for (const Expr* e : {&stmt->min, &stmt->extent, &stmt->value, &stmt->condition}) {
      ForEachExpr(*e, visit);
    }
    for (const Expr& index : stmt->indices) ForEachExpr(index, visit);
    for (const Expr& operand : stmt->operands) ForEachExpr(operand, visit);
  });
}

void ForEachStmt(const Stmt& s, const std::function<void(const Stmt&)>& visit) {
  if (s == nullptr) return;
  visit(s);
  for (const Stmt& child : s->body) ForEachStmt(child, visit);
}

bool UsesVar(const Expr& e, const Expr& var) {
  std::unordered_set<const ExprNode*> seen;
  return e != nullptr && Find(e, [&var](const Expr& node) { return node == var; }, &seen);
}

}  // namespace tilewright
