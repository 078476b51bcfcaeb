// Walking and rewriting expressions and statements.
#pragma once

#include <functional>
#include <unordered_map>

#include "compiler/loop/stmt.h"

namespace tilewright {

// Variable (by node address) -> replacement.
using Substitution = std::unordered_map<const ExprNode*, Expr>;

// Bottom-up rewrite: `rewrite` sees each node after its operands were rewritten and returns a
// replacement, or the node itself. Shares unchanged nodes; index arithmetic is re-folded.
Expr Rewrite(const Expr& e, const std::function<Expr(const Expr&)>& rewrite);
// The same for every expression inside a statement (loop bounds, conditions, indices, values).
Stmt RewriteExprs(const Stmt& s, const std::function<Expr(const Expr&)>& rewrite);

Expr Substitute(const Expr& e, const Substitution& replacements);
Stmt Substitute(const Stmt& s, const Substitution& replacements);

// Pre-order visits of every expression node; one that is shared within an expression, once.
void ForEachExpr(const Expr& e, const std::function<void(const Expr&)>& visit);
void ForEachExpr(const Stmt& s, const std::function<void(const Expr&)>& visit);
// Pre-order visits of every statement node.
void ForEachStmt(const Stmt& s, const std::function<void(const Stmt&)>& visit);

bool UsesVar(const Expr& e, const Expr& var);

}  // namespace tilewright
