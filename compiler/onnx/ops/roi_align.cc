// RoiAlign: per dimension a table of the elements and weights that each sample of each bin reads,
// shared by all channels; then the mean, or the largest, of what the samples give.
#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using formulas::Lit;

// One dimension of the regions: where its ends stand in a row of rois, and its extents.
struct Dimension {
  int64_t begin, end;    // components of a region
  int64_t extent, bins;  // of the input and the output
  int64_t samples;       // of a bin; where the number depends on the region, at most so many
};

struct Regions {
  double scale = 1;
  bool half_pixel = true;
  bool adaptive = false;  // as many samples a bin as it is long
  bool mean = true;
};

// Of one region, in elements of the input.
struct Extent {
  Expr start, bin, samples;  // samples: kI64
};

Extent ExtentOf(const Point& p, const Regions& r, const Dimension& d) {
  const auto corner = [&](int64_t component) {
    const Expr x = p.Load(0, {p.axes[0], Int(component)});
    return x * Lit(x, r.scale) - Lit(x, r.half_pixel ? 0.5 : 0);
  };
  const Expr start = corner(d.begin);
  Expr length = corner(d.end) - start;
  if (!r.half_pixel) length = Max(length, Lit(length, 1));
  const Expr bin = Divide(length, Lit(length, static_cast<double>(d.bins)));
  if (!r.adaptive) return {start, bin, Int(d.samples)};
  const Expr count = Cast(Call("ceil", {bin}, bin->dtype), DType::kI64);
  return {start, bin, Min(Max(count, Int(0)), Int(d.samples))};
}

// Where sample axes[2] of bin axes[1] lies.
Expr PositionOf(const Point& p, const Extent& e) {
  const DType real = e.start->dtype;
  const Expr part =
      Divide(Cast(p.axes[2], real) + Const(0.5, real), Cast(Max(e.samples, Int(1)), real));
  return e.start + (Cast(p.axes[1], real) + part) * e.bin;
}

// Tables [regions, bins, samples, 2 taps]: the element that is read, -1 for a sample that the
// region does not have and -2 for one outside the input, which is 0; and its weight.
struct Table {
  ValueId index, weight;
};

absl::StatusOr<Table> MakeTable(OpBuilder& b, const Regions& r, const Dimension& d) {
  const TensorType rois = b.TypeOf(b.Input(1));
  const TensorType index{DType::kI64, {rois.shape[0], d.bins, d.samples, 2}};
  const auto clamped = [&](const Expr& y) {
    return Min(Max(y, Lit(y, 0)), Lit(y, static_cast<double>(d.extent - 1)));
  };
  Table table{};
  TW_ASSIGN_OR_RETURN(
      table.index,
      b.Emit(
          {.op = "roi_index", .inputs = {b.Input(1)}, .type = index, .body = [&](const Point& p) {
             const Extent e = ExtentOf(p, r, d);
             const Expr y = PositionOf(p, e);
             const Expr at = Min(Cast(clamped(y), DType::kI64) + p.axes[3], Int(d.extent - 1));
             const Expr outside =
                 Or(Lt(y, Lit(y, -1)), Lt(Lit(y, static_cast<double>(d.extent)), y));
             return Select(Lt(p.axes[2], e.samples), Select(outside, Int(-2), at), Int(-1));
           }}));
  TW_ASSIGN_OR_RETURN(table.weight,
                      b.Emit({.op = "roi_weight",
                              .inputs = {b.Input(1)},
                              .type = {rois.dtype, index.shape},
                              .body = [&](const Point& p) {
                                const Extent e = ExtentOf(p, r, d);
                                const Expr y = clamped(PositionOf(p, e));
                                const Expr upper = y - Call("floor", {y}, y->dtype);
                                const Expr weight =
                                    Select(Eq(p.axes[3], Int(0)), Lit(y, 1) - upper, upper);
                                if (!r.mean) return weight;
                                return Divide(weight, Cast(Max(e.samples, Int(1)), y->dtype));
                              }}));
  return table;
}

absl::StatusOr<ValueId> Pool(OpBuilder& b, const Regions& r, const std::array<Dimension, 2>& dims,
                             const std::array<Table, 2>& tables) {
  const TensorType data = b.TypeOf(b.Input(0));
  const int64_t regions = b.ShapeOf(b.Input(1))[0];
  // Axes: region, channel, bins; reduction: sample and tap of each dimension.
  const auto in_table = [](const Point& p, size_t input, size_t d) {
    return p.Load(input, {p.axes[0], p.axes[2 + d], p.reduce[2 * d], p.reduce[2 * d + 1]});
  };
  const auto index = [&](const Point& p, size_t d) { return in_table(p, 2 + d, d); };
  const auto element = [&](const Point& p) {
    const auto inside = [&](size_t d) { return Max(index(p, d), Int(0)); };
    const Expr batch = SafeIndex(p.Load(1, {p.axes[0]}), data.shape[0]);
    const Expr value = p.Load(0, {batch, p.axes[1], inside(0), inside(1)});
    const Expr weighted = value * in_table(p, 4, 0) * in_table(p, 5, 1);
    const Expr outside = Or(Lt(index(p, 0), Int(0)), Lt(index(p, 1), Int(0)));
    return Select(outside, Const(0, weighted->dtype), weighted);
  };
  return b.Emit({.op = r.mean ? "roi_mean" : "roi_max",
                 .inputs = {b.Input(0), b.Input(2), tables[0].index, tables[1].index,
                            tables[0].weight, tables[1].weight},
                 .type = {data.dtype, {regions, data.shape[1], dims[0].bins, dims[1].bins}},
                 .body = element,
                 .reducer = r.mean ? Reducer::kSum : Reducer::kMax,
                 .reduce = {dims[0].samples, 2, dims[1].samples, 2},
                 .predicate =
                     [&](const Point& p) {
                       const auto exists = [&](size_t d) {
                         return Binary(BinaryOp::kNe, index(p, d), Int(-1));
                       };
                       return And(exists(0), exists(1));
                     },
                 .result =
                     [&](const Point& p) {
                       const Expr none = InitialValue(Reducer::kMax, p.acc->dtype);
                       if (r.mean) return p.acc;
                       return Select(Eq(p.acc, none), Const(0, p.acc->dtype), p.acc);
                     }});
}

absl::StatusOr<Regions> ReadRegions(OpBuilder& b) {
  const std::string mode = b.Str("mode", "avg");
  const std::string coordinates =
      b.Str("coordinate_transformation_mode", b.opset() < 16 ? "output_half_pixel" : "half_pixel");
  if (mode != "avg" && mode != "max") {
    return absl::InvalidArgumentError(absl::StrCat("unknown mode ", mode, " (avg or max)"));
  }
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown coordinate_transformation_mode ", coordinates));
  }
  return Regions{.scale = b.Float("spatial_scale", 1),
                 .half_pixel = coordinates == "half_pixel",
                 .adaptive = b.Int("sampling_ratio", 0) <= 0,
                 .mean = mode == "avg"};
}

absl::Status CheckInputs(const OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 4, 4));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), 2, 2));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  const int64_t regions = b.ShapeOf(b.Input(1))[0];
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(1), {regions, 4}, "rois"));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {regions}, "batch_indices"));
  if (IsInteger(b.DTypeOf(b.Input(2)))) return absl::OkStatus();
  return absl::InvalidArgumentError("batch_indices are not integers");
}

// Where the number of samples depends on the region it is at most that of a region as large as the
// input, and one more: larger regions are sampled with that many.
absl::StatusOr<Outputs> RoiAlign(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckInputs(b));
  TW_ASSIGN_OR_RETURN(const Regions r, ReadRegions(b));
  const Shape data = b.ShapeOf(b.Input(0));
  const int64_t bins[] = {b.Int("output_height", 1), b.Int("output_width", 1)};
  const int64_t ratio = b.Int("sampling_ratio", 0);
  constexpr int64_t kMost = 1 << 16;
  if (bins[0] < 1 || bins[1] < 1 || bins[0] > kMost || bins[1] > kMost || ratio > kMost) {
    return absl::InvalidArgumentError("output_height, output_width or sampling_ratio is no size");
  }
  std::array<Dimension, 2> dims;
  std::array<Table, 2> tables{};
  for (int64_t d = 0; d < 2; ++d) {
    const int64_t extent = data[static_cast<size_t>(2 + d)];
    // A region is x1, y1, x2, y2.
    dims[d] = {.begin = 1 - d,
               .end = 3 - d,
               .extent = extent,
               .bins = bins[d],
               .samples = r.adaptive ? (extent + bins[d] - 1) / bins[d] + 1 : ratio};
    TW_ASSIGN_OR_RETURN(tables[d], MakeTable(b, r, dims[d]));
  }
  return Pool(b, r, dims, tables);
}

}  // namespace

OpList roi_align() { return {{"RoiAlign", 10, 3, RoiAlign, kFloats}}; }

}  // namespace tilewright::onnx_ops
