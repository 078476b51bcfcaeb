#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/import_model.h"

namespace tilewright {
namespace {

absl::Status CannotRead(int error) {
  const std::string text = absl::StrCat("cannot be read: ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<Graph> ImportFrom(const std::string& path, const ImportOptions& options) {
  TW_ASSIGN_OR_RETURN(onnx::ModelProto model, ReadModelFile(path));
  ImportOptions here = options;
  here.folder = FolderOf(path);
  return ImportModel(std::move(model), here);
}

}  // namespace

// A working folder that is gone has no name; then a relative path must do.
std::string FolderOf(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return (error ? std::filesystem::path(path) : whole).parent_path().string();
}

// Parsed from the stream, so that the bytes are never held as a whole.
absl::StatusOr<onnx::ModelProto> ReadModelFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return CannotRead(errno);
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  if (size < 0 || size == std::numeric_limits<std::streamoff>::max()) {
    return CannotRead(EISDIR);
  }
  TW_RETURN_IF_ERROR(CheckModelSize(static_cast<size_t>(size)));
  file.seekg(0);
  onnx::ModelProto model;
  if (!model.ParseFromIstream(&file)) return DoesNotParse(static_cast<size_t>(size));
  return model;
}

absl::StatusOr<Graph> ImportOnnxFile(const std::string& path, const ImportOptions& options) {
  absl::StatusOr<Graph> graph = ImportFrom(path, options);
  if (graph.ok()) return graph;
  return absl::Status(graph.status().code(), absl::StrCat(path, ": ", graph.status().message()));
}

}  // namespace tilewright
