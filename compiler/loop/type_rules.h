// Which types an expression's operands may have. FailedPrecondition says what is wrong.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "compiler/loop/expr.h"

namespace tilewright {

// What every check of a program answers.
absl::Status Violation(const std::string& what);

// `what` names the expression, which may be null.
absl::Status MustBe(const Expr& e, DType dtype, const char* what);

// Of a call, a binary operator, a select.
absl::Status CheckCall(const ExprNode& e);
absl::Status CheckBinary(const ExprNode& e);
absl::Status CheckSelect(const ExprNode& e);

}  // namespace tilewright
