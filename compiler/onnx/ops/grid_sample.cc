// GridSample: per spatial dimension a table of which elements each output position reads and how
// they are weighted, shared by all channels; then one weighted sum. Padding acts on the elements
// that are read, as in ONNX Runtime from 1.18 on.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

enum class Mode { kNearest, kLinear, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

struct Sampling {
  Mode mode;
  Padding padding;
  bool align_corners;

  int64_t Taps() const { return mode == Mode::kNearest ? 1 : mode == Mode::kLinear ? 2 : 4; }
};

absl::StatusOr<Sampling> ReadSampling(OpBuilder& b) {
  Sampling s{.align_corners = b.Int("align_corners", 0) != 0};
  const std::string mode = b.Str("mode", "linear"), padding = b.Str("padding_mode", "zeros");
  if (mode == "nearest") {
    s.mode = Mode::kNearest;
  } else if (mode == "linear" || mode == "bilinear") {
    s.mode = Mode::kLinear;
  } else if (mode == "cubic" || mode == "bicubic") {
    s.mode = Mode::kCubic;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown mode ", mode, " (nearest, linear or cubic)"));
  }
  if (padding == "zeros") {
    s.padding = Padding::kZeros;
  } else if (padding == "border") {
    s.padding = Padding::kBorder;
  } else if (padding == "reflection") {
    s.padding = Padding::kReflection;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown padding_mode ", padding, " (zeros, border or reflection)"));
  }
  return s;
}

// From [-1, 1] to a position in [0, extent).
Expr Denormalize(const Expr& x, int64_t extent, bool align_corners) {
  using formulas::Lit;
  const auto n = static_cast<double>(extent);
  if (align_corners) return (x + Lit(x, 1)) * Lit(x, 0.5) * Lit(x, n - 1);
  return ((x + Lit(x, 1)) * Lit(x, n) - Lit(x, 1)) * Lit(x, 0.5);
}

Expr Floor(const Expr& x) { return Call("floor", {x}, x->dtype); }

// The first of the elements that a position reads.
Expr FirstTap(const Sampling& s, const Expr& position) {
  const Expr start =
      s.mode == Mode::kNearest ? Call("round", {position}, position->dtype) : Floor(position);
  // Far outside one place is like any other; this keeps sums of indices from overflowing.
  constexpr double kFar = 1 << 30;
  const Expr near = Min(Max(start, formulas::Lit(start, -kFar)), formulas::Lit(start, kFar));
  return Cast(near, DType::kI64) + (s.mode == Mode::kCubic ? -1 : 0);
}

// An index that may lie outside, made one inside; -1 where zero is to be read.
Expr Pad(const Sampling& s, const Expr& index, int64_t extent) {
  if (s.padding == Padding::kBorder) return Min(Max(index, Int(0)), Int(extent - 1));
  if (s.padding == Padding::kZeros) {
    return Select(And(Le(Int(0), index), Lt(index, Int(extent))), index, Int(-1));
  }
  const int64_t last = s.align_corners ? 2 * (extent - 1) : 2 * extent - 1;
  const int64_t period = s.align_corners ? last : 2 * extent;
  if (period == 0) return Int(0);
  const Expr at = FloorMod(index, period);
  return Min(at, Int(last) - at);
}

// Keys' cubic convolution (1981), a = -0.75, for an element at distance |d| < 2.
Expr CubicWeight(const Expr& d) {
  using formulas::Lit;
  constexpr double kA = -0.75;
  const Expr near = ((Lit(d, kA + 2) * d - Lit(d, kA + 3)) * d) * d + Lit(d, 1);
  const Expr far = ((Lit(d, kA) * d - Lit(d, 5 * kA)) * d + Lit(d, 8 * kA)) * d - Lit(d, 4 * kA);
  return Select(Le(d, Lit(d, 1)), near, far);
}

Expr TapWeight(const Sampling& s, const Expr& position, const Expr& tap) {
  const Expr fraction = position - Floor(position);
  const Expr one = formulas::Lit(fraction, 1);
  if (s.mode == Mode::kLinear) return Select(Eq(tap, Int(0)), one - fraction, fraction);
  return CubicWeight(formulas::Abs(fraction + one - Cast(tap, fraction->dtype)));
}

// What is read along one spatial dimension: [N, output positions..., taps].
struct Table {
  ValueId index, weight;
};

absl::StatusOr<Table> MakeTable(OpBuilder& b, const Sampling& s, size_t component, int64_t extent) {
  const TensorType grid = b.TypeOf(b.Input(1));
  TensorType index{DType::kI64, grid.shape};
  index.shape.back() = s.Taps();
  const auto position = [&](const Point& p) {
    Exprs at = p.axes;
    at.back() = Int(static_cast<int64_t>(component));
    return Denormalize(p.Load(0, std::move(at)), extent, s.align_corners);
  };
  Table table{};
  TW_ASSIGN_OR_RETURN(
      table.index,
      b.Emit(
          {.op = "grid_index", .inputs = {b.Input(1)}, .type = index, .body = [&](const Point& p) {
             return Pad(s, FirstTap(s, position(p)) + p.axes.back(), extent);
           }}));
  if (s.mode == Mode::kNearest) return table;
  const DType dtype = grid.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
  TW_ASSIGN_OR_RETURN(
      table.weight,
      b.Emit({.op = "grid_weight",
              .inputs = {b.Input(1)},
              .type = {dtype, index.shape},
              .body = [&](const Point& p) { return TapWeight(s, position(p), p.axes.back()); }}));
  return table;
}

// Where in a table the output's position [N, C, positions...] stands, at a tap.
Exprs InTable(const Exprs& axes, const Expr& tap) {
  Exprs at = {axes[0]};
  at.insert(at.end(), axes.begin() + 2, axes.end());
  at.push_back(tap);
  return at;
}

// What the data, the indices of each dimension and their weights, inputs in this order, say at an
// output's position and a tap of each dimension.
struct TableReads {
  Shape data;
  size_t dims;

  Expr Tap(const Point& p, size_t i) const { return p.reduce.empty() ? Int(0) : p.reduce[i]; }
  Expr Index(const Point& p, size_t i) const { return p.Load(1 + i, InTable(p.axes, Tap(p, i))); }
  // The one next to the index where that lies outside.
  Expr Element(const Point& p) const {
    Exprs at = {p.axes[0], p.axes[1]};
    for (size_t i = 0; i < dims; ++i) {
      at.push_back(Min(Max(Index(p, i), Int(0)), Int(data[2 + i] - 1)));
    }
    return p.Load(0, std::move(at));
  }
  Expr Inside(const Point& p) const {
    Expr all;
    for (size_t i = 0; i < dims; ++i) all = And(all, Le(Int(0), Index(p, i)));
    return all;
  }
  Expr Weight(const Point& p) const {
    Expr product;
    for (size_t i = 0; i < dims; ++i) {
      const Expr one = p.Load(1 + dims + i, InTable(p.axes, Tap(p, i)));
      product = product == nullptr ? one : product * one;
    }
    return product;
  }
};

// The elements' sum over all taps, those outside left out.
absl::StatusOr<ValueId> Sum(OpBuilder& b, const Sampling& s, const std::vector<Table>& tables,
                            const TensorType& type) {
  const TableReads reads{b.ShapeOf(b.Input(0)), tables.size()};
  const bool zeros = s.padding == Padding::kZeros;
  Definition d{.op = "grid_sample", .inputs = {b.Input(0)}, .type = type};
  for (const Table& table : tables) d.inputs.push_back(table.index);
  if (s.mode == Mode::kNearest) {
    d.body = [&](const Point& p) {
      const Expr value = reads.Element(p);
      return zeros ? Select(reads.Inside(p), value, Const(0, value->dtype)) : value;
    };
    return b.Emit(std::move(d));
  }
  for (const Table& table : tables) d.inputs.push_back(table.weight);
  d.reducer = Reducer::kSum;
  d.reduce = Shape(tables.size(), s.Taps());
  if (zeros) d.predicate = [&](const Point& p) { return reads.Inside(p); };
  d.body = [&](const Point& p) {
    const Expr weight = reads.Weight(p);
    return Cast(reads.Element(p), weight->dtype) * weight;
  };
  d.result = [&](const Point& p) { return Cast(p.acc, type.dtype); };
  return b.Emit(std::move(d));
}

absl::StatusOr<Outputs> GridSample(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Sampling s, ReadSampling(b));
  const TensorType data = b.TypeOf(b.Input(0)), grid = b.TypeOf(b.Input(1));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, kMaxRank));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), data.shape.size(), data.shape.size()));
  const size_t dims = data.shape.size() - 2;
  if (!IsFloat(grid.dtype)) return absl::InvalidArgumentError("the grid is not a float tensor");
  if (s.mode != Mode::kNearest && !IsFloat(data.dtype)) {
    return absl::UnimplementedError("interpolates floats alone, others by mode nearest");
  }
  if (grid.shape[0] != data.shape[0] || grid.shape.back() != static_cast<int64_t>(dims)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the grid has shape ", ToString(grid), ", the input ", ToString(data)));
  }
  TensorType type{data.dtype, {data.shape[0], data.shape[1]}};
  type.shape.insert(type.shape.end(), grid.shape.begin() + 1, grid.shape.end() - 1);
  std::vector<Table> tables;
  for (size_t i = 0; i < dims; ++i) {
    TW_ASSIGN_OR_RETURN(tables.emplace_back(), MakeTable(b, s, dims - 1 - i, data.shape[2 + i]));
  }
  return Sum(b, s, tables, type);
}

}  // namespace

OpList grid_sample() {
  return {{"GridSample", 16, 2, GridSample}, {"com.microsoft.GridSample", 1, 2, GridSample}};
}

}  // namespace tilewright::onnx_ops
