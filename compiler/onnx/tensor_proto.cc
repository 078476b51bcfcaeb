#include "compiler/onnx/tensor_proto.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/external_data.h"

namespace tilewright {
namespace {

using onnx::TensorProto;

absl::Status WrongSize(const TensorType& type, size_t found, absl::string_view unit) {
  return absl::InvalidArgumentError(
      absl::StrCat("data has ", found, " ", unit, " where ", ToString(type), " needs ",
                   unit == "bytes" ? NumBytes(type) : NumElements(type.shape)));
}

// Copies a typed field, whose elements may be wider than the tensor's.
template <typename T, typename Field>
absl::Status CopyField(const Field& field, Tensor& tensor) {
  if (field.size() != tensor.size()) return WrongSize(tensor.type(), field.size(), "elements");
  for (int i = 0; i < field.size(); ++i) tensor.as<T>()[i] = static_cast<T>(field[i]);
  return absl::OkStatus();
}

absl::Status CopyTyped(const TensorProto& proto, Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF32: return CopyField<float>(proto.float_data(), tensor);
    case DType::kF64: return CopyField<double>(proto.double_data(), tensor);
    case DType::kI64: return CopyField<int64_t>(proto.int64_data(), tensor);
    case DType::kI32: return CopyField<int32_t>(proto.int32_data(), tensor);
    case DType::kI16: return CopyField<int16_t>(proto.int32_data(), tensor);
    case DType::kI8: return CopyField<int8_t>(proto.int32_data(), tensor);
    case DType::kU64: return CopyField<uint64_t>(proto.uint64_data(), tensor);
    case DType::kU32: return CopyField<uint32_t>(proto.uint64_data(), tensor);
    case DType::kF16:
    case DType::kBF16:  // as bits
    case DType::kU16: return CopyField<uint16_t>(proto.int32_data(), tensor);
    case DType::kU8:
    case DType::kBool: return CopyField<uint8_t>(proto.int32_data(), tensor);
  }
  return absl::OkStatus();
}

absl::Status CopyRaw(const std::string& raw, Tensor& tensor) {
  if (static_cast<int64_t>(raw.size()) != tensor.bytes()) {
    return WrongSize(tensor.type(), raw.size(), "bytes");
  }
  if (!raw.empty()) std::memcpy(tensor.data(), raw.data(), raw.size());
  return absl::OkStatus();
}

// Whether the message can hold a tensor of this type at all, checked before it is allocated.
absl::Status CheckSize(const TensorProto& proto, const TensorType& type) {
  const size_t held = proto.has_raw_data() ? proto.raw_data().size() : proto.ByteSizeLong();
  const size_t least =
      static_cast<size_t>(proto.has_raw_data() ? NumBytes(type) : NumElements(type.shape));
  if (held < least) return WrongSize(type, held, "bytes");
  return absl::OkStatus();
}

// Bits of an integer of which several share a byte; 0 for other types.
int PackedBits(int32_t data_type) {
  switch (data_type) {
    case TensorProto::INT4:
    case TensorProto::UINT4: return 4;
    case TensorProto::INT2:
    case TensorProto::UINT2: return 2;
    default: return 0;
  }
}

// The integers of the bytes, the first of each byte lowest.
Tensor Unpacked(const Tensor& bytes, const TensorType& type, int bits) {
  Tensor tensor(type);
  const int per_byte = 8 / bits, sign = 1 << (bits - 1);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int byte = bytes.as<uint8_t>()[i / per_byte];
    int value = byte >> (i % per_byte * bits) & ((1 << bits) - 1);
    if (!IsUnsigned(type.dtype) && value >= sign) value -= 2 * sign;
    tensor.as<int8_t>()[i] = static_cast<int8_t>(value);
  }
  return tensor;
}

}  // namespace

absl::StatusOr<DType> FromOnnxType(int32_t data_type) {
  switch (data_type) {
    case TensorProto::FLOAT: return DType::kF32;
    case TensorProto::DOUBLE: return DType::kF64;
    case TensorProto::FLOAT16: return DType::kF16;
    case TensorProto::BFLOAT16: return DType::kBF16;
    case TensorProto::INT64: return DType::kI64;
    case TensorProto::INT32: return DType::kI32;
    case TensorProto::INT16: return DType::kI16;
    case TensorProto::INT8: return DType::kI8;
    case TensorProto::UINT64: return DType::kU64;
    case TensorProto::UINT32: return DType::kU32;
    case TensorProto::UINT16: return DType::kU16;
    case TensorProto::UINT8: return DType::kU8;
    case TensorProto::BOOL: return DType::kBool;
    default: break;
  }
  if (!TensorProto::DataType_IsValid(data_type) || data_type == TensorProto::UNDEFINED) {
    return absl::InvalidArgumentError(absl::StrCat("unknown element type ", data_type));
  }
  return absl::UnimplementedError(absl::StrCat(
      "element type ", TensorProto::DataType_Name(static_cast<TensorProto::DataType>(data_type)),
      " is not supported (have FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT8 to INT64, UINT8 to UINT64, "
      "BOOL)"));
}

absl::StatusOr<Tensor> FromOnnxTensor(const TensorProto& proto, const std::string& folder) {
  if (proto.has_segment()) return absl::UnimplementedError("segmented data is not supported");
  TensorType type;
  TW_ASSIGN_OR_RETURN(type.dtype, FromOnnxType(proto.data_type()));
  type.shape.assign(proto.dims().begin(), proto.dims().end());
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  if (IsExternal(proto)) return ReadExternalData(proto, folder, type);
  TW_RETURN_IF_ERROR(CheckSize(proto, type));
  Tensor tensor(type);
  TW_RETURN_IF_ERROR(proto.has_raw_data() ? CopyRaw(proto.raw_data(), tensor)
                                          : CopyTyped(proto, tensor));
  return tensor;
}

bool IsPacked(int32_t data_type) { return PackedBits(data_type) > 0; }

absl::StatusOr<Tensor> FromOnnxWeights(const TensorProto& proto, const std::string& folder) {
  const int bits = PackedBits(proto.data_type());
  if (bits == 0) return FromOnnxTensor(proto, folder);
  const bool is_signed =
      proto.data_type() == TensorProto::INT4 || proto.data_type() == TensorProto::INT2;
  const TensorType type{is_signed ? DType::kI8 : DType::kU8,
                        {proto.dims().begin(), proto.dims().end()}};
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  TensorProto packed = proto;
  packed.set_data_type(TensorProto::UINT8);
  packed.clear_dims();
  packed.add_dims((NumElements(type.shape) * bits + 7) / 8);
  TW_ASSIGN_OR_RETURN(const Tensor bytes, FromOnnxTensor(packed, folder));
  return Unpacked(bytes, type, bits);
}

}  // namespace tilewright
