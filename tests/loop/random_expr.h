// Random index expressions and their evaluation, for property tests.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/rng.h"
#include "compiler/loop/simplify.h"

namespace tilewright {

using Assignment = std::unordered_map<const ExprNode*, int64_t>;

// kI64 over the variables, with literals, + - * / % min max and select.
Expr RandomIndex(const std::vector<Expr>& vars, int depth, Rng* rng);
// kBool: comparisons of random indices joined by && and ||.
Expr RandomCondition(const std::vector<Expr>& vars, int depth, Rng* rng);

// The value of an index or condition, by the plain meaning of each operator.
int64_t Evaluate(const Expr& e, const Assignment& assignment);

}  // namespace tilewright
