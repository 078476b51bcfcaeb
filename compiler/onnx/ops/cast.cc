// Cast and CastLike.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Cast(OpBuilder& b) {
  const bool to_strings = b.Int("to", 0) == onnx::TensorProto::STRING;
  if (b.IsStrings(b.Input(0)) && to_strings) return b.Input(0);
  if (b.IsStrings(b.Input(0)) || to_strings) {
    return absl::UnimplementedError("numbers and strings are not converted to each other");
  }
  TW_ASSIGN_OR_RETURN(const DType to, FromOnnxType(static_cast<int32_t>(b.Int("to", 0))));
  return CastTo(b, b.Input(0), to);
}

absl::StatusOr<Outputs> CastLike(OpBuilder& b) {
  return CastTo(b, b.Input(0), b.DTypeOf(b.Input(1)));
}

}  // namespace

OpList cast() { return {{"Cast", 6, 1, Cast}, {"CastLike", 15, 2, CastLike}}; }

}  // namespace tilewright::onnx_ops
