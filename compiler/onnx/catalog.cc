#include "compiler/onnx/catalog.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/unsupported.h"

namespace tilewright {

namespace onnx_ops {
#define ENTRY(name) OpList name();
#include "onnx_ops.inc"
#undef ENTRY
}  // namespace onnx_ops

namespace {

constexpr std::pair<const char*, int64_t> kControlFlow[] = {
    {"If", 1}, {"Loop", 1}, {"Scan", 8}, {"SequenceMap", 17}};
// Computes with numbers, which its bodies change on the way.
constexpr const char* kFlexAttention = "ai.onnx.preview.FlexAttention";

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
    return absl::UnimplementedError(absl::StrCat(
        "operator ", Sv(op_type), " is not supported (`tilewright operators` lists those that are)",
        AdviceAbout(op_type)));
  }
  return absl::UnimplementedError(absl::StrCat("operator ", Sv(op_type),
                                               " is supported from opset ", earliest,
                                               ", the model has opset ", opset));
}

absl::StatusOr<ValueId> ConvertAs(const OpBuilder& b, std::string_view op_type,
                                  std::vector<ValueId> inputs) {
  TW_ASSIGN_OR_RETURN(const OpRow* const row, FindOperator(op_type, INT64_MAX));
  OpBuilder same = b.WithInputs(std::move(inputs));
  const absl::StatusOr<Outputs> outputs = row->convert(same);
  TW_RETURN_IF_ERROR(same.status());
  TW_RETURN_IF_ERROR(outputs.status());
  return outputs->values[0];
}

bool HasBodies(std::string_view op_type) {
  return op_type == kFlexAttention ||
         std::any_of(std::begin(kControlFlow), std::end(kControlFlow),
                     [&](const auto& each) { return each.first == op_type; });
}

std::vector<SupportedOperator> SupportedOperators() {
  std::map<std::string, SupportedOperator> found;
  for (const auto& [name, since] : kControlFlow) {
    found[name] = {name, std::max(since, kOldestOpset), kEveryType, true};
  }
  found[kFlexAttention] = {kFlexAttention, 1, kFloats};
  for (const OpRow& row : OperatorRows()) {
    const bool standard = row.op_type.find('.') == std::string::npos;
    const int64_t since = standard ? std::max(row.since, kOldestOpset) : 1;
    SupportedOperator& op = found.try_emplace(row.op_type, row.op_type, since).first->second;
    op.types = op.types | row.types;
    op.takes_sequences |= row.takes_sequences;
  }
  std::vector<SupportedOperator> all;
  for (auto& [name, op] : found) all.push_back(std::move(op));
  return all;
}

}  // namespace tilewright
