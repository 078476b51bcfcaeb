// Which elements of a condition are true, for the operators whose output's size that decides.
#pragma once

#include "compiler/onnx/op_builder.h"

namespace tilewright {

struct Selection {
  ValueId positions;  // int64 [at most]: those selected, ascending, then zeros
  ValueId count;      // int64 scalar: how many there are
};

// Of the row-major elements of a value, those that are not zero. A constant's positions are exactly
// those there are. InvalidArgument for an empty value.
absl::StatusOr<Selection> SelectNonZero(OpBuilder& b, ValueId value);

// A procedure's output [1 + room * width] that starts with a count, as [room, width] and the count;
// cut to the count where it is constant. The first dimension is bounded by it.
absl::StatusOr<ValueId> Counted(OpBuilder& b, ValueId packed, int64_t width, ValueId* count);

}  // namespace tilewright
