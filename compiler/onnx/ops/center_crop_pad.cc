// CenterCropPad: the middle of a tensor, or the tensor in the middle of zeros.
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> CenterCropPad(OpBuilder& b) {
  const TensorType from = b.TypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> wanted, b.ConstInts(1, "shape"));
  std::vector<int64_t> all(from.shape.size());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<int64_t> axes = b.Ints("axes", all);
  if (axes.size() != wanted.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", wanted.size(), " sizes for ", axes.size(), " axes"));
  }
  TW_RETURN_IF_ERROR(NormalizeAxes(axes, from.shape.size()).status());
  TensorType type = from;
  std::vector<int64_t> shift(from.shape.size(), 0);  // from a place of the output to the input's
  for (size_t i = 0; i < axes.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(axes[i], from.shape.size()));
    type.shape[axis] = wanted[i];
    const int64_t longer = from.shape[axis] - wanted[i];
    shift[axis] = longer >= 0 ? longer / 2 : -(-longer / 2);
  }
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  return b.Emit({.op = "center", .inputs = {b.Input(0)}, .type = type, .body = [&](const Point& p) {
                   Exprs at = p.axes;
                   Expr inside;
                   for (size_t d = 0; d < at.size(); ++d) {
                     const int64_t extent = from.shape[d];
                     at[d] = at[d] + shift[d];
                     if (type.shape[d] <= extent) continue;
                     inside = And(inside, And(Le(Int(0), at[d]), Lt(at[d], Int(extent))));
                     at[d] = Min(Max(at[d], Int(0)), Int(extent - 1));
                   }
                   const Expr value = p.Load(0, std::move(at));
                   return inside ? Select(inside, value, Const(0, value->dtype)) : value;
                 }});
}

}  // namespace

OpList center_crop_pad() { return {{"CenterCropPad", 18, 2, CenterCropPad}}; }

}  // namespace tilewright::onnx_ops
