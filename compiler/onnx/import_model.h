// The importer behind import.h, on parsed messages.
#pragma once

#include "absl/status/statusor.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Consumes the model: the messages' weights are freed one by one as tensors take their place, so
// that a large model is held only once.
absl::StatusOr<Graph> ImportModel(onnx::ModelProto model, const ImportOptions& options);

// The parsed file; its weights may lie in files beside it. NotFound, PermissionDenied or
// InvalidArgument say what is wrong, without the path.
absl::StatusOr<onnx::ModelProto> ReadModelFile(const std::string& path);
// The folder that a model's external data lies beneath: the file's own.
std::string FolderOf(const std::string& path);

// Errors of what comes before: bytes of a size that cannot be a model, or that do not parse.
absl::Status CheckModelSize(size_t bytes);
absl::Status DoesNotParse(size_t bytes);

}  // namespace tilewright
