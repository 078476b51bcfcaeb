#include "compiler/onnx/quantize/model_source.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/external_data.h"
#include "compiler/onnx/import_model.h"
#include "compiler/onnx/quantize/model_edit.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

absl::Status TakeIn(onnx::TensorProto& tensor, const std::string& folder) {
  if (!IsExternal(tensor)) return absl::OkStatus();
  const absl::StatusOr<Tensor> read = FromOnnxTensor(tensor, folder);
  if (!read.ok()) {
    return absl::Status(read.status().code(),
                        absl::StrCat(tensor.name(), ": ", read.status().message()));
  }
  tensor.clear_external_data();
  tensor.clear_data_location();
  tensor.set_raw_data(read->data(), read->bytes());
  return absl::OkStatus();
}

absl::Status TakeIn(onnx::GraphProto& graph, const std::string& folder) {
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    TW_RETURN_IF_ERROR(TakeIn(tensor, folder));
  }
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) TW_RETURN_IF_ERROR(TakeIn(*attribute.mutable_t(), folder));
      if (attribute.has_g()) TW_RETURN_IF_ERROR(TakeIn(*attribute.mutable_g(), folder));
      for (onnx::GraphProto& inner : *attribute.mutable_graphs()) {
        TW_RETURN_IF_ERROR(TakeIn(inner, folder));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<onnx::ModelProto> ReadWholeModel(const std::string& path) {
  const std::string folder = FolderOf(path);
  absl::StatusOr<onnx::ModelProto> model = ReadModelFile(path);
  const absl::Status status = model.ok() ? TakeIn(*model->mutable_graph(), folder) : model.status();
  if (status.ok()) return model;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

onnx::ModelProto WithObserved(const onnx::ModelProto& model,
                              const std::vector<std::string>& tensors,
                              std::vector<std::string>* names) {
  ModelEdit edit(model);
  const int end = model.graph().node_size();
  for (const std::string& tensor : tensors) {
    names->push_back(edit.AddNode(end, "Identity", {tensor}, tensor + "_observed"));
    edit.mutable_graph().add_output()->set_name(names->back());
  }
  return std::move(edit).Finish();
}

}  // namespace tilewright
