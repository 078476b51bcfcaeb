// ScatterElements (Scatter) and ScatterND. Each output element looks for the updates meant for it:
// of several the last wins, or they are combined.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// `reduce` runs over the candidates for one output element.
struct Scatter {
  Shape reduce;
  // Whether the output's position is one that updates exist for; null: it always is.
  std::function<Expr(const Exprs& axes)> within;
  PointFn hit;  // whether the candidate is for this element; input 0 holds the indices
  // Where among the updates the candidate's value is.
  std::function<Exprs(const Exprs& axes, const Exprs& candidate)> update;
};

Exprs Unravel(Expr linear, const Shape& shape) {
  Exprs at(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    at[d] = d == 0 ? linear : FloorMod(linear, shape[d]);
    linear = FloorDiv(linear, shape[d]);
  }
  return at;
}

absl::StatusOr<ValueId> LastWins(OpBuilder& b, const Scatter& s) {
  const TensorType type = b.TypeOf(b.Input(0)), index_type{DType::kI64, type.shape};
  TW_ASSIGN_OR_RETURN(const ValueId which,
                      b.Emit({.op = "scatter_which",
                              .inputs = {b.Input(1)},
                              .type = index_type,
                              .body =
                                  [&](const Point& p) {
                                    Expr linear = Int(0);
                                    for (size_t d = 0; d < s.reduce.size(); ++d) {
                                      linear = linear * s.reduce[d] + p.reduce[d];
                                    }
                                    return linear;
                                  },
                              .reducer = Reducer::kMax,
                              .reduce = s.reduce,
                              .predicate = s.hit}));
  return b.Emit({.op = "scatter",
                 .inputs = {b.Input(0), b.Input(2), which},
                 .type = type,
                 .body = [&](const Point& p) {
                   const Expr last = p.Here(2);
                   const Exprs at = s.update(p.axes, Unravel(last, s.reduce));
                   const Expr within = s.within ? s.within(p.axes) : nullptr;
                   return Select(And(within, Le(Int(0), last)), p.Load(1, at), p.Here(0));
                 }});
}

absl::StatusOr<ValueId> Combined(OpBuilder& b, const Scatter& s, Reducer reducer) {
  return b.Emit({.op = "scatter",
                 .inputs = {b.Input(1), b.Input(2), b.Input(0)},
                 .type = b.TypeOf(b.Input(0)),
                 .body = [&](const Point& p) { return p.Load(1, s.update(p.axes, p.reduce)); },
                 .reducer = reducer,
                 .reduce = s.reduce,
                 .predicate = s.hit,
                 .result = [&](const Point& p) { return Combine(reducer, p.Here(2), p.acc); }});
}

absl::StatusOr<ValueId> Apply(OpBuilder& b, const Scatter& s) {
  const DType index = b.DTypeOf(b.Input(1));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(2)}));
  if (index != DType::kI64 && index != DType::kI32) {
    return absl::InvalidArgumentError("indices are not int64 or int32");
  }
  const std::string reduction = b.Str("reduction", "none");
  if (reduction == "none") return LastWins(b, s);
  if (reduction == "add") return Combined(b, s, Reducer::kSum);
  if (reduction == "mul") return Combined(b, s, Reducer::kProd);
  if (reduction == "max") return Combined(b, s, Reducer::kMax);
  if (reduction == "min") return Combined(b, s, Reducer::kMin);
  return absl::InvalidArgumentError(absl::StrCat("unknown reduction ", reduction));
}

absl::StatusOr<Outputs> ScatterElements(OpBuilder& b) {
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), data.size()));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), data.size(), data.size()));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), indices, "updates"));
  const auto update = [axis](const Exprs& axes, const Exprs& candidate) {
    Exprs at = axes;
    at[axis] = candidate[0];
    return at;
  };
  const auto within = [&](const Exprs& axes) {
    Expr all;
    for (size_t d = 0; d < data.size(); ++d) {
      if (d != axis && indices[d] < data[d]) all = And(all, Lt(axes[d], Int(indices[d])));
    }
    return all;
  };
  const auto hit = [&](const Point& p) {
    const Expr inside = within(p.axes);
    const Expr index = SafeIndex(p.Load(0, update(p.axes, p.reduce)), data[axis]);
    const Expr same = Eq(index, p.axes[axis]);
    return inside ? Select(inside, same, Bool(false)) : same;
  };
  return Apply(b, {.reduce = {indices[axis]}, .within = within, .hit = hit, .update = update});
}

// indices [lead..., n] holds n-tuples into the data; updates is [lead..., data dimensions n...].
absl::StatusOr<Outputs> ScatterNd(OpBuilder& b) {
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  if (indices.empty() || indices.back() < 1 || static_cast<size_t>(indices.back()) > data.size()) {
    return absl::InvalidArgumentError("indices do not fit the data's shape");
  }
  const size_t tuple = static_cast<size_t>(indices.back());
  const Shape lead(indices.begin(), indices.end() - 1);
  const auto rest = static_cast<std::ptrdiff_t>(tuple);
  Shape updates = lead;
  updates.insert(updates.end(), data.begin() + rest, data.end());
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), updates, "updates"));
  const auto hit = [&](const Point& p) {
    Expr all;
    for (size_t i = 0; i < tuple; ++i) {
      Exprs at = p.reduce;
      at.push_back(Int(static_cast<int64_t>(i)));
      all = And(all, Eq(SafeIndex(p.Load(0, std::move(at)), data[i]), p.axes[i]));
    }
    return all;
  };
  const auto update = [rest](const Exprs& axes, const Exprs& candidate) {
    Exprs at = candidate;
    at.insert(at.end(), axes.begin() + rest, axes.end());
    return at;
  };
  if (lead.empty()) return absl::UnimplementedError("a single index tuple is not supported");
  return Apply(b, {.reduce = lead, .hit = hit, .update = update});
}

}  // namespace

OpList scatter() {
  return {{"Scatter", 9, 3, ScatterElements},
          {"ScatterElements", 11, 3, ScatterElements},
          {"ScatterND", 11, 3, ScatterNd}};
}

}  // namespace tilewright::onnx_ops
