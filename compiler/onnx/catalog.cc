#include "compiler/onnx/catalog.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/onnx/import.h"

namespace tilewright {

namespace onnx_ops {
#define ENTRY(name) OpList name();
#include "onnx_ops.inc"
#undef ENTRY
}  // namespace onnx_ops

namespace {

OpList CollectRows() {
  OpList all;
#define ENTRY(name) \
  for (OpRow & row : onnx_ops::name()) all.push_back(std::move(row));
#include "onnx_ops.inc"
#undef ENTRY
  std::sort(all.begin(), all.end(), [](const OpRow& a, const OpRow& b) {
    return std::tie(a.op_type, a.since) < std::tie(b.op_type, b.since);
  });
  return all;
}

}  // namespace

const OpList& OperatorRows() {
  static const OpList rows = CollectRows();
  return rows;
}

absl::StatusOr<const OpRow*> FindOperator(std::string_view op_type, int64_t opset) {
  const OpRow* found = nullptr;
  int64_t earliest = 0;
  for (const OpRow& row : OperatorRows()) {
    if (row.op_type != op_type) continue;
    if (earliest == 0) earliest = row.since;
    if (row.since <= opset) found = &row;
  }
  if (found) return found;
  if (earliest == 0) {
    return absl::UnimplementedError(
        absl::StrCat("operator ", Sv(op_type),
                     " is not supported (`tilewright operators` lists those that are)"));
  }
  return absl::UnimplementedError(absl::StrCat("operator ", Sv(op_type),
                                               " is supported from opset ", earliest,
                                               ", the model has opset ", opset));
}

std::vector<std::string> SupportedOperators() {
  std::vector<std::string> names;
  for (const OpRow& row : OperatorRows()) {
    if (names.empty() || names.back() != row.op_type) names.push_back(row.op_type);
  }
  return names;
}

}  // namespace tilewright
