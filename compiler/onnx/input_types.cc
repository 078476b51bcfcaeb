#include "compiler/onnx/input_types.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

using onnx::TensorShapeProto;

// "--input-shape data:1,3,224,224" with 1 where the model says nothing.
std::string BindingHint(const onnx::ValueInfoProto& input, const TensorShapeProto& shape) {
  std::vector<int64_t> dims;
  for (const auto& dim : shape.dim()) dims.push_back(dim.has_dim_value() ? dim.dim_value() : 1);
  return absl::StrCat("bind it with --input-shape ", input.name(), ":",
                      dims.empty() ? "1,3,224,224" : absl::StrJoin(dims, ","));
}

absl::Status CheckPositive(const Shape& shape) {
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("dimension ", d, " is ", shape[d], ", it must be positive"));
  }
  return CheckShape(shape);
}

absl::StatusOr<Shape> DeclaredShape(const onnx::ValueInfoProto& input,
                                    const TensorShapeProto& declared) {
  Shape shape;
  for (const auto& dim : declared.dim()) {
    if (!dim.has_dim_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "dimension ", shape.size(), dim.dim_param().empty() ? "" : " \"", dim.dim_param(),
          dim.dim_param().empty() ? "" : "\"", " is dynamic: ", BindingHint(input, declared)));
    }
    shape.push_back(dim.dim_value());
  }
  return shape;
}

absl::Status CheckBinding(const Shape& bound, const TensorShapeProto& declared) {
  bool agrees = static_cast<int>(bound.size()) == declared.dim_size();
  for (int d = 0; agrees && d < declared.dim_size(); ++d) {
    agrees = !declared.dim(d).has_dim_value() || declared.dim(d).dim_value() == bound[d];
  }
  if (agrees) return absl::OkStatus();
  std::vector<std::string> dims;
  for (const auto& dim : declared.dim()) {
    dims.push_back(dim.has_dim_value()       ? absl::StrCat(dim.dim_value())
                   : dim.dim_param().empty() ? "?"
                                             : dim.dim_param());
  }
  return absl::InvalidArgumentError(absl::StrCat("--input-shape binds it to ",
                                                 absl::StrJoin(bound, ","), ", the model declares ",
                                                 absl::StrJoin(dims, ",")));
}

absl::StatusOr<Shape> InputShape(const onnx::ValueInfoProto& input,
                                 const std::map<std::string, Shape>& bound) {
  const onnx::TypeProto::Tensor& type = input.type().tensor_type();
  const auto binding = bound.find(input.name());
  if (binding != bound.end()) {
    if (type.has_shape()) TW_RETURN_IF_ERROR(CheckBinding(binding->second, type.shape()));
    return binding->second;
  }
  if (type.has_shape()) return DeclaredShape(input, type.shape());
  return absl::InvalidArgumentError(
      absl::StrCat("the model declares no shape: ", BindingHint(input, type.shape())));
}

absl::StatusOr<TensorType> TypeWithoutContext(const onnx::ValueInfoProto& input,
                                              const std::map<std::string, Shape>& bound) {
  if (!input.has_type() || input.type().value_case() == onnx::TypeProto::VALUE_NOT_SET) {
    return absl::InvalidArgumentError("the model declares no type");
  }
  if (!input.type().has_tensor_type()) {
    return absl::UnimplementedError("only tensors are supported (not sequences, maps, optionals)");
  }
  TensorType type;
  TW_ASSIGN_OR_RETURN(type.dtype, FromOnnxType(input.type().tensor_type().elem_type()));
  TW_ASSIGN_OR_RETURN(type.shape, InputShape(input, bound));
  TW_RETURN_IF_ERROR(CheckPositive(type.shape));
  return type;
}

// One "name:1,3,224,224" or "name:[1,3,224,224]".
absl::Status ParseBinding(absl::string_view text, std::map<std::string, Shape>& bindings) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an input shape like data:1,3,224,224"));
  };
  const size_t colon = text.rfind(':');  // ONNX names may hold colons themselves
  if (colon == absl::string_view::npos || colon == 0) return bad();
  absl::string_view dims = text.substr(colon + 1);
  if (dims.size() >= 2 && dims.front() == '[' && dims.back() == ']') {
    dims = dims.substr(1, dims.size() - 2);
  }
  Shape shape;
  for (absl::string_view part : absl::StrSplit(dims, ',')) {
    int64_t dim;
    if (!absl::SimpleAtoi(part, &dim) || dim <= 0) return bad();
    shape.push_back(dim);
  }
  TW_RETURN_IF_ERROR(CheckShape(shape));
  if (!bindings.emplace(std::string(text.substr(0, colon)), shape).second) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" binds an input twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TensorType> InputType(const onnx::ValueInfoProto& input,
                                     const std::map<std::string, Shape>& bound) {
  absl::StatusOr<TensorType> type = TypeWithoutContext(input, bound);
  if (type.ok()) return type;
  return absl::Status(type.status().code(),
                      absl::StrCat("input \"", input.name(), "\": ", type.status().message()));
}

absl::StatusOr<std::map<std::string, Shape>> ParseInputShapes(std::string_view text) {
  std::map<std::string, Shape> bindings;
  for (absl::string_view part :
       absl::StrSplit(Sv(text), absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
    TW_RETURN_IF_ERROR(ParseBinding(part, bindings));
  }
  return bindings;
}

}  // namespace tilewright
