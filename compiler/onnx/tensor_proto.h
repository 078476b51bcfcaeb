// ONNX's tensor messages to host tensors.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// An element type of TensorProto.DataType; Unimplemented names those that we do not have.
absl::StatusOr<DType> FromOnnxType(int32_t data_type);

// Copies the elements, wherever the message keeps them. InvalidArgument for a shape outside the
// limits, data of the wrong size, or external data (refused: a model must be one file).
absl::StatusOr<Tensor> FromOnnxTensor(const onnx::TensorProto& proto);

}  // namespace tilewright
