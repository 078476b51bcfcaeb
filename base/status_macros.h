// Early return on error for absl::Status and absl::StatusOr (Debian 12's Abseil has no macros).
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define TW_CONCAT_INNER(a, b) a##b
#define TW_CONCAT(a, b) TW_CONCAT_INNER(a, b)

#define TW_RETURN_IF_ERROR(expr)                                            \
  do {                                                                      \
    if (absl::Status tw_status = (expr); !tw_status.ok()) return tw_status; \
  } while (false)

#define TW_ASSIGN_OR_RETURN(lhs, expr) \
  TW_ASSIGN_OR_RETURN_IMPL(TW_CONCAT(tw_result_, __LINE__), lhs, expr)
#define TW_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                             \
  if (!result.ok()) return result.status();         \
  lhs = std::move(result).value()
