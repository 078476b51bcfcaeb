// Where: an elementwise choice with broadcasting.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Where(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(1), b.Input(2)}));
  if (b.DTypeOf(b.Input(0)) != DType::kBool) {
    return absl::InvalidArgumentError("the condition is not a bool tensor");
  }
  return Map(b, "where", {b.Input(0), b.Input(1), b.Input(2)},
             [](const Exprs& x) { return Select(x[0], x[1], x[2]); });
}

}  // namespace

OpList where() { return {{"Where", 9, 3, Where, kEveryType, false, 1}}; }

}  // namespace tilewright::onnx_ops
