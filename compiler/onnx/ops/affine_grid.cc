// AffineGrid: where each pixel of an image or volume lies under an affine map, for GridSample.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Position i of [0, extent) in [-1, 1]: the outer pixels' centres there, or their borders.
Expr GridCoordinate(const Expr& i, int64_t extent, bool align_corners, const Expr& like) {
  using formulas::Lit;
  const Expr at = Cast(i, like->dtype);
  if (align_corners && extent == 1) return Lit(like, 0);
  const auto n = static_cast<double>(extent);
  if (align_corners) return at * Lit(like, 2 / (n - 1)) - Lit(like, 1);
  return (at * Lit(like, 2) + Lit(like, 1)) * Lit(like, 1 / n) - Lit(like, 1);
}

// Inputs: theta [batch, n, n + 1] and size [batch, channels, n extents]; n is 2 or 3.
absl::StatusOr<Outputs> AffineGrid(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> size, b.ConstInts(1, "size"));
  if (size.size() != 4 && size.size() != 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("size has ", size.size(), " elements; an image has 4, a volume 5"));
  }
  const auto n = static_cast<int64_t>(size.size()) - 2;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(0), {size[0], n, n + 1}, "theta"));
  TensorType type{b.DTypeOf(b.Input(0)), {size[0]}};
  type.shape.insert(type.shape.end(), size.begin() + 2, size.end());
  type.shape.push_back(n);
  const bool align_corners = b.Int("align_corners", 0) != 0;
  return b.Emit(
      {.op = "affine_grid", .inputs = {b.Input(0)}, .type = type, .body = [&](const Point& p) {
         Expr sum = p.Load(0, {p.axes[0], p.axes.back(), Int(n)});
         // The first component belongs to the last dimension.
         for (int64_t k = 0; k < n; ++k) {
           const auto d = static_cast<size_t>(n - k);
           const Expr at = GridCoordinate(p.axes[d], type.shape[d], align_corners, sum);
           sum = sum + p.Load(0, {p.axes[0], p.axes.back(), Int(k)}) * at;
         }
         return sum;
       }});
}

}  // namespace

OpList affine_grid() { return {{"AffineGrid", 20, 2, AffineGrid, kFloats}}; }

}  // namespace tilewright::onnx_ops
