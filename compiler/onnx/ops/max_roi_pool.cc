// MaxRoiPool: the largest element of each bin of each region; a bin outside the input is 0. Bins
// and their rounding are those of Fast R-CNN (Girshick, 2015) as ONNX Runtime computes them.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using formulas::Lit;

// Half away from zero.
Expr Rounded(const Expr& x) {
  const Expr size = formulas::Abs(x), whole = Call("floor", {size}, x->dtype);
  const Expr half = Lt(size - whole, Lit(x, 0.5));
  return Cast(Select(half, whole, whole + Lit(x, 1)) * Call("sign", {x}, x->dtype), DType::kI64);
}

// Where a bin of one dimension begins and how long it is, within the input.
struct Bin {
  Expr begin, length;
};

// A region's side, cut into `bins`, in an image of `extent`.
struct CutSide {
  Expr first, last;
  int64_t bins, extent;
};

Bin BinOf(const CutSide& side, const Expr& bin) {
  const Expr start = Rounded(side.first);
  const Expr size = Cast(Max(Rounded(side.last) - start + 1, Int(1)), side.first->dtype);
  const Expr step = Divide(size, Lit(size, static_cast<double>(side.bins)));
  const auto edge = [&](const Expr& number, const char* rounding) {
    const Expr at = Call(rounding, {Cast(number, step->dtype) * step}, step->dtype);
    return Min(Max(Cast(at, DType::kI64) + start, Int(0)), Int(side.extent));
  };
  const Expr begin = edge(bin, "floor");
  return {begin, Max(edge(bin + 1, "ceil") - begin, Int(0))};
}

Stmt PoolBin(const std::vector<Buffer>& in, const Buffer& out, const Exprs& at, double scale) {
  const auto component = [&](int64_t i) {
    const Expr x = Load(in[1], {at[0], Int(i)});
    return IsNarrowFloat(x->dtype) ? Cast(x, DType::kF32) : x;
  };
  // A region is its image, x1, y1, x2, y2.
  const auto bin = [&](size_t dimension, int64_t low) {
    const Expr first = component(low), last = component(low + 2);
    return BinOf({first * Lit(first, scale), last * Lit(last, scale), out->shape[dimension],
                  in[0]->shape[dimension]},
                 at[dimension]);
  };
  const Bin rows = bin(2, 2), columns = bin(3, 1);
  const Expr image = SafeIndex(Cast(component(0), DType::kI64), in[0]->shape[0]);
  const Cell largest("largest", out->dtype);
  const Stmt walk = InOrder("r", rows.length, [&](const Expr& r) {
    return InOrder("c", columns.length, [&](const Expr& c) {
      const Expr x = Load(in[0], {image, at[1], rows.begin + r, columns.begin + c});
      return largest.Set(Max(largest.Get(), x));
    });
  });
  const Expr none = InitialValue(Reducer::kMax, out->dtype);
  const Expr empty = Or(Le(rows.length, Int(0)), Le(columns.length, Int(0)));
  return With({largest}, Seq({largest.Set(none), walk,
                              Store(out, at, Select(empty, Const(0, out->dtype), largest.Get()))}));
}

absl::StatusOr<Outputs> MaxRoiPool(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 4, 4));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), 2, 2));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  const TensorType data = b.TypeOf(b.Input(0));
  const int64_t regions = b.ShapeOf(b.Input(1))[0];
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), {regions, 5}, "rois"));
  const std::vector<int64_t> bins = b.Ints("pooled_shape", {});
  constexpr int64_t kMost = 1 << 16;
  if (bins.size() != 2 || std::min(bins[0], bins[1]) < 1 || std::max(bins[0], bins[1]) > kMost) {
    return absl::InvalidArgumentError("pooled_shape is not two sizes");
  }
  const double scale = b.Float("spatial_scale", 1);
  const Shape shape = {regions, data.shape[1], bins[0], bins[1]};
  return b.EmitProcedure({.op = "roi_pool",
                          .inputs = {b.Input(0), b.Input(1)},
                          .type = {data.dtype, shape},
                          .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                            return ForRows(shape, shape.size(), [&](const Exprs& at) {
                              return PoolBin(in, out, at, scale);
                            });
                          }});
}

}  // namespace

OpList max_roi_pool() { return {{"MaxRoiPool", 1, 2, MaxRoiPool, kFloats}}; }

}  // namespace tilewright::onnx_ops
