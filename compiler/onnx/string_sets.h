// Strings of several sets that meet: one set for all of them.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/op_builder.h"

namespace tilewright {

// The values in order, with those that are strings (strings.h) as places in one table, which holds
// the texts of all of them. Sequences, absent values and numbers stay what they are.
absl::StatusOr<std::vector<ValueId>> InOneSet(OpBuilder& b, std::vector<ValueId> values);

}  // namespace tilewright
