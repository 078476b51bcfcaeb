// ArgMax and ArgMin.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> ArgReduce(OpBuilder& b, Reducer extreme) {
  const ValueId x = b.Input(0);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), b.RankOf(x)));
  return PositionOfExtreme(b, x,
                           {.axis = axis,
                            .keep = b.Int("keepdims", 1) != 0,
                            .extreme = extreme,
                            .last = b.Int("select_last_index", 0) != 0});
}

absl::StatusOr<Outputs> ArgMax(OpBuilder& b) { return ArgReduce(b, Reducer::kMax); }
absl::StatusOr<Outputs> ArgMin(OpBuilder& b) { return ArgReduce(b, Reducer::kMin); }

}  // namespace

OpList arg_reduce() {
  return {{"ArgMax", 1, 1, ArgMax, kNumbers}, {"ArgMin", 1, 1, ArgMin, kNumbers}};
}

}  // namespace tilewright::onnx_ops
