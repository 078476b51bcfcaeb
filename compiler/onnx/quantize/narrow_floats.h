// Writes a model that computes in 16-bit floats.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/dtype.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Every float32 tensor becomes `to`; the model's inputs and outputs stay float32 with a Cast behind
// and before them, so that its users notice nothing. What ONNX demands to be float32 (the scales
// of Resize) stays so, and what Float32Nodes (float32_nodes.h) read and write. InvalidArgument: a
// quantised model, an opset below 13 for bfloat16, weights that cannot be read. REQUIRES: `to` is
// kF16 or kBF16; no external data (model_source.h).
absl::StatusOr<onnx::ModelProto> WithNarrowFloats(onnx::ModelProto model, DType to);

}  // namespace tilewright
