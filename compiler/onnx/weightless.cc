#include "compiler/onnx/weightless.h"

#include <cmath>
#include <filesystem>
#include <functional>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "compiler/onnx/external_data.h"
#include "compiler/onnx/import_model.h"
#include "compiler/onnx/input_values.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

constexpr int64_t kMostKeptBytes = 4096;
// Where a dropped tensor says that its data lies.
constexpr char kNowhere[] = "tilewright:made-up";

using OnTensor = std::function<absl::Status(onnx::TensorProto&)>;

absl::Status ForEachTensor(onnx::GraphProto& graph, const OnTensor& visit);

absl::Status ForEachTensor(onnx::NodeProto& node, const OnTensor& visit) {
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.has_t()) TW_RETURN_IF_ERROR(visit(*attribute.mutable_t()));
    for (onnx::TensorProto& tensor : *attribute.mutable_tensors()) {
      TW_RETURN_IF_ERROR(visit(tensor));
    }
    if (attribute.has_g()) TW_RETURN_IF_ERROR(ForEachTensor(*attribute.mutable_g(), visit));
    for (onnx::GraphProto& graph : *attribute.mutable_graphs()) {
      TW_RETURN_IF_ERROR(ForEachTensor(graph, visit));
    }
  }
  return absl::OkStatus();
}

absl::Status ForEachTensor(onnx::GraphProto& graph, const OnTensor& visit) {
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) TW_RETURN_IF_ERROR(visit(tensor));
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    node.clear_doc_string();
    TW_RETURN_IF_ERROR(ForEachTensor(node, visit));
  }
  return absl::OkStatus();
}

absl::Status ForEachTensor(onnx::ModelProto& model, const OnTensor& visit) {
  TW_RETURN_IF_ERROR(ForEachTensor(*model.mutable_graph(), visit));
  for (onnx::FunctionProto& function : *model.mutable_functions()) {
    for (onnx::NodeProto& node : *function.mutable_node()) {
      TW_RETURN_IF_ERROR(ForEachTensor(node, visit));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorType> TypeOf(const onnx::TensorProto& tensor) {
  TensorType type;
  TW_ASSIGN_OR_RETURN(type.dtype, FromOnnxType(tensor.data_type()));
  type.shape.assign(tensor.dims().begin(), tensor.dims().end());
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  return type;
}

bool MayBeDropped(const TensorType& type) {
  const bool bytes = type.dtype == DType::kI8 || type.dtype == DType::kU8;
  return (IsFloat(type.dtype) || bytes) && NumBytes(type) > kMostKeptBytes;
}

void ClearData(onnx::TensorProto* tensor) {
  tensor->clear_raw_data();
  tensor->clear_float_data();
  tensor->clear_double_data();
  tensor->clear_int32_data();
  tensor->clear_external_data();
  tensor->clear_data_location();
}

void Drop(onnx::TensorProto* tensor) {
  ClearData(tensor);
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  auto& entry = *tensor->add_external_data();
  entry.set_key("location");
  entry.set_value(kNowhere);
}

bool IsDropped(const onnx::TensorProto& tensor) {
  return tensor.external_data_size() == 1 && tensor.external_data(0).value() == kNowhere;
}

// What it may not be without: taken in where it lies in a file.
absl::Status KeepOrDrop(onnx::TensorProto& tensor, const std::string& folder) {
  tensor.clear_doc_string();
  const absl::StatusOr<TensorType> type = TypeOf(tensor);
  if (!type.ok()) return absl::OkStatus();  // what the importer does not take, it says itself
  if (MayBeDropped(*type)) return Drop(&tensor), absl::OkStatus();
  if (!IsExternal(tensor)) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(const Tensor read, FromOnnxTensor(tensor, folder));
  ClearData(&tensor);
  tensor.set_raw_data(read.data(), static_cast<size_t>(read.bytes()));
  return absl::OkStatus();
}

// A vector may be a variance or a scale: positive. Of a matrix or kernel a row of products is
// summed: as many as an output's share of it.
template <typename T>
void FillFloats(const TensorType& type, Rng& rng, T* out) {
  const int64_t count = NumElements(type.shape);
  const bool vector = type.shape.size() < 2;
  const int64_t products = vector ? 1 : std::max<int64_t>(1, count / type.shape[0]);
  const double scale = 1 / std::sqrt(static_cast<double>(products));
  for (int64_t i = 0; i < count; ++i) {
    const double size = rng.Uniform(0.5, 1.5) * scale;
    out[i] = static_cast<T>(static_cast<float>(!vector && rng.Next() >> 63 ? -size : size));
  }
}

// uint8 about 96 and int8 about 0: with every usual zero point (0, 128) the difference fits int8.
template <typename T>
void FillBytes(const TensorType& type, Rng& rng, T* out) {
  const int64_t count = NumElements(type.shape);
  const int lowest = std::is_signed_v<T> ? -63 : 64;
  for (int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<T>(lowest + static_cast<int>(rng.Below(64)));
  }
}

void FillTensor(const TensorType& type, Rng& rng, char* data) {
  switch (type.dtype) {
    case DType::kF32: return FillFloats(type, rng, reinterpret_cast<float*>(data));
    case DType::kF64: return FillFloats(type, rng, reinterpret_cast<double*>(data));
    case DType::kF16: return FillFloats(type, rng, reinterpret_cast<Float16*>(data));
    case DType::kBF16: return FillFloats(type, rng, reinterpret_cast<BFloat16*>(data));
    case DType::kI8: return FillBytes(type, rng, reinterpret_cast<int8_t*>(data));
    default: return FillBytes(type, rng, reinterpret_cast<uint8_t*>(data));
  }
}

absl::Status FillWeights(onnx::ModelProto& model, int64_t most_bytes) {
  Rng rng(1);
  int64_t sum = 0;
  return ForEachTensor(model, [&](onnx::TensorProto& tensor) -> absl::Status {
    if (!IsDropped(tensor)) return absl::OkStatus();
    TW_ASSIGN_OR_RETURN(const TensorType type, TypeOf(tensor));
    if (!MayBeDropped(type)) return absl::InvalidArgumentError("a tensor without its values");
    if (NumBytes(type) > most_bytes - sum) {
      return absl::InvalidArgumentError(
          absl::StrCat("the model's weights are above ", most_bytes, " bytes"));
    }
    sum += NumBytes(type);
    ClearData(&tensor);
    tensor.mutable_raw_data()->resize(static_cast<size_t>(NumBytes(type)));
    FillTensor(type, rng, tensor.mutable_raw_data()->data());
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<std::string> WithoutWeights(const std::string& path, const ImportOptions& options) {
  TW_ASSIGN_OR_RETURN(onnx::ModelProto model, ReadModelFile(path));
  TW_RETURN_IF_ERROR(FixInputs(*model.mutable_graph(), options));
  const std::string folder = FolderOf(path);
  model.clear_doc_string();
  model.clear_metadata_props();
  TW_RETURN_IF_ERROR(
      ForEachTensor(model, [&](onnx::TensorProto& tensor) { return KeepOrDrop(tensor, folder); }));
  return model.SerializeAsString();
}

absl::StatusOr<Graph> ImportWithoutWeights(const std::string& bytes, ImportOptions options,
                                           int64_t most_bytes) {
  TW_RETURN_IF_ERROR(CheckModelSize(bytes.size()));
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes)) return DoesNotParse(bytes.size());
  TW_RETURN_IF_ERROR(FillWeights(model, most_bytes));
  options.folder.clear();
  return ImportModel(std::move(model), options);
}

}  // namespace tilewright
