#include "compiler/onnx/sparse_tensor.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxDenseBytes = int64_t{1} << 30;

absl::Status CheckIndices(const Tensor& indices, int64_t values, size_t rank) {
  const Shape linear = {values}, by_dimension = {values, static_cast<int64_t>(rank)};
  const bool fits = indices.shape() == linear || indices.shape() == by_dimension;
  if (indices.dtype() == DType::kI64 && fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("indices are ", ToString(indices.type()), ", not ",
                                                 ToString({DType::kI64, linear}), " or ",
                                                 ToString({DType::kI64, by_dimension})));
}

// Where value i lies in the dense tensor: listed as such, or dimension by dimension.
absl::StatusOr<int64_t> PlaceOf(const Tensor& indices, int64_t i, const Shape& shape) {
  const int64_t* const listed = indices.as<int64_t>();
  const bool linear = indices.shape().size() == 1;
  int64_t place = linear ? listed[i] : 0;
  bool inside = place >= 0 && place < NumElements(shape);
  for (size_t d = 0; !linear && d < shape.size(); ++d) {
    const int64_t index = listed[i * static_cast<int64_t>(shape.size()) + static_cast<int64_t>(d)];
    inside = inside && index >= 0 && index < shape[d];
    if (inside) place = place * shape[d] + index;
  }
  if (inside) return place;
  return absl::InvalidArgumentError(absl::StrCat("the index of value ", i, " is outside"));
}

}  // namespace

absl::StatusOr<Tensor> FromOnnxSparse(const onnx::SparseTensorProto& proto,
                                      const std::string& folder) {
  TW_ASSIGN_OR_RETURN(const Tensor values, FromOnnxTensor(proto.values(), folder));
  TW_ASSIGN_OR_RETURN(const Tensor indices, FromOnnxTensor(proto.indices(), folder));
  const TensorType type{values.dtype(), {proto.dims().begin(), proto.dims().end()}};
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  TW_RETURN_IF_ERROR(CheckIndices(indices, values.size(), type.shape.size()));
  if (NumBytes(type) > kMaxDenseBytes) {
    return absl::UnimplementedError(absl::StrCat("a sparse ", ToString(type), " is dense ",
                                                 NumBytes(type), " bytes; at most ", kMaxDenseBytes,
                                                 " are supported"));
  }
  Tensor dense(type);
  const auto size = static_cast<size_t>(SizeOf(type.dtype));
  for (int64_t i = 0; i < values.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const int64_t place, PlaceOf(indices, i, type.shape));
    std::memcpy(dense.as<char>() + static_cast<size_t>(place) * size,
                values.as<char>() + static_cast<size_t>(i) * size, size);
  }
  return dense;
}

}  // namespace tilewright
