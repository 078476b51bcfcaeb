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
// limits or data of the wrong size. `folder` is the model's: external data must lie beneath it
// (external_data.h); empty refuses such data.
absl::StatusOr<Tensor> FromOnnxTensor(const onnx::TensorProto& proto,
                                      const std::string& folder = "");

// Whether several elements of the type share a byte.
bool IsPacked(int32_t data_type);
// The same of weights that are only dequantised: integers of 2 and 4 bits become ones of 8.
absl::StatusOr<Tensor> FromOnnxWeights(const onnx::TensorProto& proto, const std::string& folder);

}  // namespace tilewright
