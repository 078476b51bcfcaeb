// Trilu: the upper or lower triangle of matrices.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Trilu(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  std::vector<int64_t> k = {0};
  if (b.HasInput(1)) {
    TW_ASSIGN_OR_RETURN(k, b.ConstInts(1, "k"));
  }
  if (k.size() != 1) return absl::InvalidArgumentError("k must be a scalar");
  const bool upper = b.Int("upper", 1) != 0;
  return b.Emit({.op = "trilu",
                 .inputs = {b.Input(0)},
                 .type = b.TypeOf(b.Input(0)),
                 .body = [&](const Point& p) {
                   const Expr diagonal = p.axes.end()[-2] + k[0];
                   const Expr& column = p.axes.back();
                   const Expr value = p.Here(0);
                   return Select(upper ? Le(diagonal, column) : Le(column, diagonal), value,
                                 Const(0, value->dtype));
                 }});
}

}  // namespace

OpList trilu() { return {{"Trilu", 14, 1, Trilu}, {"com.microsoft.Trilu", 1, 1, Trilu}}; }

}  // namespace tilewright::onnx_ops
