// Inputs that the user fixes to numbers when the model is compiled: a sampling rate, axes, a flag
// that decides which branch of an If is taken.
#pragma once

#include "absl/status/status.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Makes each input of options.input_values an initializer of its declared type, in place of the one
// it may have. Its shape is the declared one with what `options` binds; of open length, or of none
// that is declared, it is as long as there are numbers. InvalidArgument for a name that is no
// input's, for a number that the type cannot hold, and for numbers that are neither one nor as many
// as the input has elements.
absl::Status FixInputs(onnx::GraphProto& graph, const ImportOptions& options);

}  // namespace tilewright
