// Tensors whose bytes lie in a file beside the model, as torch's exporters write large weights.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

bool IsExternal(const onnx::TensorProto& proto);

// The tensor from the file that `proto` names, which is checked to hold it before it is allocated.
// The file must be a regular one beneath `folder`, the model's own: absolute names, ".." and links
// that lead outside are refused, before anything is opened. InvalidArgument names the file and what
// is wrong with it; NotFound when it is missing. An empty folder (a model that is no file) refuses
// everything.
absl::StatusOr<Tensor> ReadExternalData(const onnx::TensorProto& proto, const std::string& folder,
                                        const TensorType& type);

}  // namespace tilewright
