// Types of a model's inputs: declared by the model, completed by the shapes the user binds.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// The types of the inputs, in order. A dimension is taken from the input's bound shape, else from
// the model, else from the binding of its name, given as such or by another input's bound shape.
// A dimension declared -1 is an open one without a name. InvalidArgument for an unknown or
// contradictory binding, and for dimensions that nothing binds: all of them at once, with the
// options that would. Unimplemented for sequences, maps and element types that we do not have.
absl::StatusOr<std::vector<TensorType>> InputTypes(
    const std::vector<const onnx::ValueInfoProto*>& inputs, const ImportOptions& options);

}  // namespace tilewright
