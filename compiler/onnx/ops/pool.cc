// MaxPool, AveragePool and LpPool over any number of spatial dimensions.
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/window.h"

namespace tilewright::onnx_ops {
namespace {

// What the three have in common: the input [N,C,spatial...] and the window over it.
struct Pool {
  Shape data;
  Window window;

  Expr Position(const Point& p, size_t d) const { return window.At(d, p.axes[2 + d], p.reduce[d]); }
  Expr Inside(const Point& p) const {
    Expr inside;
    for (size_t d = 0; d < window.kernel.size(); ++d) {
      inside = And(inside, InsideWindow(window, d, data[2 + d], Position(p, d)));
    }
    return inside;
  }
  Exprs Indices(const Point& p) const {
    Exprs at = {p.axes[0], p.axes[1]};
    for (size_t d = 0; d < window.kernel.size(); ++d) at.push_back(Position(p, d));
    return at;
  }
};

absl::StatusOr<Pool> ReadPool(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, kMaxRank));
  Pool pool{.data = b.ShapeOf(b.Input(0))};
  const Shape spatial(pool.data.begin() + 2, pool.data.end());
  TW_ASSIGN_OR_RETURN(pool.window, ReadWindow(b, spatial, b.Ints("kernel_shape", {})));
  return pool;
}

Definition Reduction(OpBuilder& b, const Pool& pool, std::string op, Reducer reducer) {
  Shape out = {pool.data[0], pool.data[1]};
  out.insert(out.end(), pool.window.output.begin(), pool.window.output.end());
  return {.op = std::move(op),
          .inputs = {b.Input(0)},
          .type = {b.DTypeOf(b.Input(0)), std::move(out)},
          .body = [&pool](const Point& p) { return p.Load(0, pool.Indices(p)); },
          .reducer = reducer,
          .reduce = pool.window.kernel,
          .predicate = [&pool](const Point& p) { return pool.Inside(p); }};
}

// Where in the flattened input the maximum sits: the lowest index whose value equals it.
absl::StatusOr<ValueId> MaxIndices(OpBuilder& b, const Pool& pool, ValueId maximum) {
  const bool column_major = b.Int("storage_order", 0) != 0;
  Definition d = Reduction(b, pool, "max_pool_indices", Reducer::kMin);
  d.inputs.push_back(maximum);
  d.type.dtype = DType::kI64;
  d.body = [&, column_major](const Point& p) {
    const Exprs at = pool.Indices(p);
    Expr index = at[0] * pool.data[1] + at[1];
    const size_t spatial = at.size() - 2;
    int64_t plane = 1;
    for (size_t i = 0; i < spatial; ++i) plane *= pool.data[2 + i];
    index = index * plane;
    Expr within = Int(0);
    for (size_t i = 0; i < spatial; ++i) {
      const size_t dim = 2 + (column_major ? spatial - 1 - i : i);
      within = within * pool.data[dim] + at[dim];
    }
    const Expr value = p.Load(0, at), largest = p.Load(1, p.axes);
    const Expr both_nan = Binary(BinaryOp::kAnd, IsNan(value), IsNan(largest));
    return Select(Or(Eq(value, largest), both_nan), index + within,
                  InitialValue(Reducer::kMin, DType::kI64));
  };
  return b.Emit(std::move(d));
}

// The maximum found by comparing the first element inside the input with those that follow, as
// ReduceExtreme does. `input` is what is pooled.
Expr KeepFirstNan(const Pool& pool, const Point& p, size_t input) {
  const Window& w = pool.window;
  Exprs at = {p.axes[0], p.axes[1]};
  for (size_t d = 0; d < w.kernel.size(); ++d) {
    Expr first = p.axes[2 + d] * w.strides[d] - w.pads_begin[d];
    if (w.pads_begin[d] > 0) {
      const Expr outside = FloorDiv(Int(w.dilations[d] - 1) - first, w.dilations[d]);
      first = first + Max(outside, Int(0)) * w.dilations[d];
    }
    const int64_t last = pool.data[2 + d] - 1;
    const bool fits = (w.output[d] - 1) * w.strides[d] + w.dilations[d] - 1 <= last;
    at.push_back(fits ? first : Min(first, Int(last)));
  }
  const Expr value = p.Load(input, std::move(at));
  return Select(IsNan(value), value, p.acc);
}

// The part of a pool that is along spatial dimension d, over what the dimensions before are pooled
// to already.
Pool Along(const Pool& pool, size_t d) {
  Pool part = pool;
  Window& w = part.window;
  for (size_t i = 0; i < w.kernel.size(); ++i) {
    if (i < d) part.data[2 + i] = pool.window.output[i];
    if (i == d) continue;
    w.kernel[i] = w.strides[i] = w.dilations[i] = 1;
    w.pads_begin[i] = w.pads_end[i] = 0;
    w.output[i] = part.data[2 + i];
  }
  return part;
}

// A maximum over a large window is one over columns of maxima over rows: for 13x13 26 steps instead
// of 169, at the price of one more pass over memory.
absl::StatusOr<ValueId> Maximum(OpBuilder& b, const Pool& pool) {
  constexpr int64_t kLargeWindow = 25;
  const bool large = NumElements(pool.window.kernel) >= kLargeWindow;
  const size_t last = pool.window.kernel.size() - 1;
  ValueId value = b.Input(0);
  for (size_t d = 0; large && d < last; ++d) {
    const Pool part = Along(pool, d);
    Definition definition = Reduction(b, part, "max_pool", Reducer::kMax);
    definition.inputs = {value};
    TW_ASSIGN_OR_RETURN(value, b.Emit(std::move(definition)));
  }
  const Pool rest = large ? Along(pool, last) : pool;
  Definition definition = Reduction(b, rest, "max_pool", Reducer::kMax);
  definition.inputs = {value};
  if (IsFloat(definition.type.dtype)) {
    if (large && last > 0) definition.inputs.push_back(b.Input(0));
    const size_t pooled = definition.inputs.size() - 1;
    definition.result = [&pool, pooled](const Point& p) { return KeepFirstNan(pool, p, pooled); };
  }
  return b.Emit(std::move(definition));
}

absl::StatusOr<Outputs> MaxPool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Pool pool, ReadPool(b));
  TW_ASSIGN_OR_RETURN(const ValueId maximum, Maximum(b, pool));
  if (b.num_outputs() < 2) return maximum;
  TW_ASSIGN_OR_RETURN(const ValueId indices, MaxIndices(b, pool, maximum));
  return Outputs({maximum, indices});
}

// Input positions [lo, hi).
struct Positions {
  int64_t lo, hi;
};

// Taps of the window at output position o whose input position is among these.
Expr CountTaps(const Window& w, size_t d, const Expr& o, const Positions& counted) {
  const Expr start = o * w.strides[d] - w.pads_begin[d];
  // The number of taps before `limit`: ceil((limit - start) / dilation), within [0, kernel].
  const auto before = [&](int64_t limit) {
    const Expr taps = FloorDiv(Int(limit + w.dilations[d] - 1) - start, w.dilations[d]);
    return Max(Min(taps, Int(w.kernel[d])), Int(0));
  };
  return before(counted.hi) - before(counted.lo);
}

bool AlwaysWhole(const Window& w, size_t d, int64_t extent) {
  return InsideWindow(w, d, extent, Int(0)) == nullptr;
}

// How many elements an average is over: padding counts when the model says so, but never what
// ceil_mode adds beyond it.
Expr Divisor(const Pool& pool, const Point& p, bool count_padding, DType dtype) {
  const Window& w = pool.window;
  Expr count = Int(1);
  for (size_t d = 0; d < w.kernel.size(); ++d) {
    const int64_t extent = pool.data[2 + d];
    const int64_t lo = count_padding ? -w.pads_begin[d] : 0;
    const int64_t hi = count_padding ? extent + w.pads_end[d] : extent;
    count = count * (AlwaysWhole(w, d, extent) ? Int(w.kernel[d])
                                               : CountTaps(w, d, p.axes[2 + d], {lo, hi}));
  }
  if (const int64_t* known = AsInt(count)) return Const(static_cast<double>(*known), dtype);
  return Cast(Max(count, Int(1)), dtype);
}

absl::StatusOr<Outputs> AveragePool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Pool pool, ReadPool(b));
  const bool count_padding = b.Int("count_include_pad", 0) != 0;
  Definition d = Reduction(b, pool, "avg_pool", Reducer::kSum);
  d.result = [&](const Point& p) {
    return Divide(p.acc, Divisor(pool, p, count_padding, p.acc->dtype));
  };
  return b.Emit(std::move(d));
}

absl::StatusOr<Outputs> LpPool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Pool pool, ReadPool(b));
  Definition d = Reduction(b, pool, "lp_pool", Reducer::kSum);
  if (!IsFloat(d.type.dtype)) return absl::InvalidArgumentError("input is not a float tensor");
  const double power = static_cast<double>(b.Int("p", 2));
  const auto pow = [](const Expr& x, double e) {
    return Call("pow", {x, Float(e, x->dtype)}, x->dtype);
  };
  d.body = [&](const Point& p) {
    const Expr x = p.Load(0, pool.Indices(p));
    return pow(Call("abs", {x}, x->dtype), power);
  };
  d.result = [&](const Point& p) { return pow(p.acc, 1 / power); };
  return b.Emit(std::move(d));
}

}  // namespace

OpList pool() {
  return {{"MaxPool", 1, 1, MaxPool, kNumbers},
          {"AveragePool", 7, 1, AveragePool, kFloats},
          {"LpPool", 2, 1, LpPool, kFloats}};
}

}  // namespace tilewright::onnx_ops
