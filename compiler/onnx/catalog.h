// The supported ONNX operators: every file of ops/ contributes rows by a function named as itself.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

inline constexpr int64_t kOldestOpset = 7;  // that is read

// Rows of every file, sorted by operator and opset.
const OpList& OperatorRows();

// The row for an operator at an opset; Unimplemented when there is none.
absl::StatusOr<const OpRow*> FindOperator(std::string_view op_type, int64_t opset);

// The first output of one of ONNX's own operators over other inputs, with the attributes of the
// node that `b` converts.
absl::StatusOr<ValueId> ConvertAs(const OpBuilder& b, std::string_view op_type,
                                  std::vector<ValueId> inputs);

// If, Loop, Scan, SequenceMap and FlexAttention (with its domain), which the importer converts
// itself: they have bodies.
bool HasBodies(std::string_view op_type);

}  // namespace tilewright
