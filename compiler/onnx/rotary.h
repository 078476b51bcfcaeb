// Rotary position embeddings (Su et al., "RoFormer", 2021): pairs of features are rotated by an
// angle that grows with the position.
#pragma once

#include "compiler/onnx/op_builder.h"

namespace tilewright {

struct Rotary {
  ValueId x;             // [batch, length, heads, size], or with `heads_first` [batch, heads, ...]
  ValueId cosine, sine;  // [positions, half], or without position ids [batch, length, half]
  ValueId positions;     // [batch, length], or [1] for the first one; or kNoValue
  int64_t rotated;       // features of a head that take part
  bool heads_first;
};

// x rotated; pairs are features 2i and 2i + 1 when `interleaved`, else i and i + rotated / 2.
// InvalidArgument for shapes and types that do not fit.
absl::StatusOr<ValueId> Rotate(OpBuilder& b, const Rotary& r, bool interleaved);

}  // namespace tilewright
