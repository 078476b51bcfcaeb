#include "compiler/onnx/import.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/import_model.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/input_values.h"

namespace tilewright {
namespace {

// Opsets beyond those we know are taken as the newest: most operators do not change, and the
// importer refuses what it does not understand. No real one is beyond the last.
constexpr int64_t kLastOpset = 1000;
constexpr int kMaxNodes = 50000;

// The opset of ONNX's own operators; 0 when the model only imports other domains, so that each of
// its nodes is refused by its own name.
absl::StatusOr<int64_t> OpsetOf(const onnx::ModelProto& model) {
  if (model.opset_import_size() == 0) {
    return absl::InvalidArgumentError("not an ONNX model: it imports no opset");
  }
  int64_t opset = 0;
  bool found = false;
  for (const onnx::OperatorSetIdProto& entry : model.opset_import()) {
    if (!IsStandardDomain(entry.domain())) continue;
    opset = found ? std::max(opset, entry.version()) : entry.version();
    found = true;
  }
  if (!found || (opset >= kOldestOpset && opset <= kLastOpset)) return opset;
  return absl::UnimplementedError(
      absl::StrCat("the model has opset ", opset, "; supported are ", kOldestOpset, " and newer"));
}

}  // namespace

absl::StatusOr<Graph> ImportModel(onnx::ModelProto model, const ImportOptions& options) {
  if (!model.has_graph()) return absl::InvalidArgumentError("not an ONNX model: it has no graph");
  if (model.graph().node_size() > kMaxNodes) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", model.graph().node_size(),
                                                   " nodes; the limit is ", kMaxNodes));
  }
  TW_ASSIGN_OR_RETURN(const int64_t opset, OpsetOf(model));
  TW_RETURN_IF_ERROR(FixInputs(*model.mutable_graph(), options));
  return Importer(model, options, opset).Run();
}

absl::Status CheckModelSize(size_t bytes) {
  if (bytes == 0) return absl::InvalidArgumentError("not an ONNX model: it is empty");
  if (bytes <= INT_MAX) return absl::OkStatus();
  return absl::InvalidArgumentError("the model is larger than 2 GiB, ONNX's own limit");
}

absl::Status DoesNotParse(size_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("not an ONNX model, or a truncated one: its ", bytes, " bytes do not parse"));
}

absl::StatusOr<Graph> ImportOnnx(std::string_view bytes, const ImportOptions& options) {
  TW_RETURN_IF_ERROR(CheckModelSize(bytes.size()));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DoesNotParse(bytes.size());
  }
  return ImportModel(std::move(model), options);
}

}  // namespace tilewright
