// ONNX's sparse tensors as dense ones.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// The dense tensor, 0 where there is no value. InvalidArgument for indices that do not fit the
// values or lie outside; Unimplemented beyond a GiB, because a few bytes can stand for any size.
// `folder` as for FromOnnxTensor.
absl::StatusOr<Tensor> FromOnnxSparse(const onnx::SparseTensorProto& proto,
                                      const std::string& folder = "");

}  // namespace tilewright
