// Concat.
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Concat(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 1), b.RankOf(b.Input(0))));
  return Concatenate(b, b.Inputs(), axis);
}

}  // namespace

OpList concat() { return {{"Concat", 4, kAllInputs, Concat}}; }

}  // namespace tilewright::onnx_ops
