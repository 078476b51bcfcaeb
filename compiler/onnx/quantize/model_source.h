// Models to be changed: read whole, and with tensors inside them made visible.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// The model of a file with its external data taken in. Errors: as ImportOnnxFile, and as
// ReadExternalData.
absl::StatusOr<onnx::ModelProto> ReadWholeModel(const std::string& path);

// A copy with one more output for each of the tensors of its main graph. `names` receives theirs,
// in order.
onnx::ModelProto WithObserved(const onnx::ModelProto& model,
                              const std::vector<std::string>& tensors,
                              std::vector<std::string>* names);

}  // namespace tilewright
