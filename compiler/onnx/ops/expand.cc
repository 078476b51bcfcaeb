// Expand and Tile: repetition along dimensions.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> Expand(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Shape shape, b.ConstInts(1, "shape"));
  TW_RETURN_IF_ERROR(CheckShape(shape));
  TW_ASSIGN_OR_RETURN(Shape full, BroadcastShapes({b.ShapeOf(b.Input(0)), shape}));
  return ExpandTo(b, b.Input(0), std::move(full));
}

absl::StatusOr<Outputs> Tile(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> repeats, b.ConstInts(1, "repeats"));
  const Shape from = b.ShapeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckShape(repeats));
  if (repeats.size() != from.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("repeats has ", repeats.size(), " values for ", from.size(), " dimensions"));
  }
  Shape shape = from;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (__builtin_mul_overflow(from[d], repeats[d], &shape[d])) {
      return absl::InvalidArgumentError("the result is too large");
    }
  }
  return b.Emit({.op = "tile",
                 .inputs = {b.Input(0)},
                 .type = {b.DTypeOf(b.Input(0)), std::move(shape)},
                 .body = [&](const Point& p) {
                   Exprs at;
                   for (size_t d = 0; d < from.size(); ++d) {
                     at.push_back(repeats[d] == 1 ? p.axes[d] : FloorMod(p.axes[d], from[d]));
                   }
                   return p.Load(0, std::move(at));
                 }});
}

}  // namespace

OpList expand() { return {{"Expand", 8, 2, Expand}, {"Tile", 6, 2, Tile}}; }

}  // namespace tilewright::onnx_ops
