// Types of a model's inputs: declared by the model, completed by the shapes the user binds.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// The type of one input. InvalidArgument for a dimension that is 0 or negative, dynamic and
// unbound (the message shows the option that binds it), or bound to something that contradicts
// the model. Unimplemented for sequences, maps and element types that we do not have.
absl::StatusOr<TensorType> InputType(const onnx::ValueInfoProto& input,
                                     const std::map<std::string, Shape>& bound);

}  // namespace tilewright
