#include "compiler/loop/type_rules.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/calls.h"

namespace tilewright {

absl::Status Violation(const std::string& what) { return absl::FailedPreconditionError(what); }

absl::Status MustBe(const Expr& e, DType dtype, const char* what) {
  if (e != nullptr && e->dtype == dtype) return absl::OkStatus();
  return Violation(absl::StrCat(what, " must be of type ", Sv(NameOf(dtype))));
}

absl::Status CheckCall(const ExprNode& e) {
  const CallInfo* call = FindCall(e.name);
  if (call == nullptr) return Violation(absl::StrCat("unknown function ", e.name));
  if (e.operands.size() != call->arity) {
    return Violation(absl::StrCat(e.name, " takes ", call->arity, " operands"));
  }
  for (const Expr& operand : e.operands) {
    if (!Accepts(*call, operand->dtype) || operand->dtype != e.operands[0]->dtype) {
      return Violation(absl::StrCat(e.name, " does not take ", Sv(NameOf(operand->dtype))));
    }
  }
  if (e.dtype == call->TypeOn(e.operands[0]->dtype)) return absl::OkStatus();
  return Violation(absl::StrCat(e.name, " does not give ", Sv(NameOf(e.dtype))));
}

absl::Status CheckBinary(const ExprNode& e) {
  const DType operands = e.operands[0]->dtype;
  const bool compares = e.op >= BinaryOp::kLt && e.op <= BinaryOp::kNe;
  if (operands != e.operands[1]->dtype || e.dtype != (compares ? DType::kBool : operands)) {
    return Violation("operands or result of another type");
  }
  if (Accepts(e.op, operands)) return absl::OkStatus();
  return Violation(absl::StrCat("operator does not take ", Sv(NameOf(operands))));
}

absl::Status CheckSelect(const ExprNode& e) {
  TW_RETURN_IF_ERROR(MustBe(e.operands[0], DType::kBool, "the condition of a select"));
  TW_RETURN_IF_ERROR(MustBe(e.operands[1], e.dtype, "a side of a select"));
  return MustBe(e.operands[2], e.dtype, "a side of a select");
}

}  // namespace tilewright
