#include "compiler/onnx/tensor_ops.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

std::string Text(const Shape& shape) { return absl::StrCat("[", absl::StrJoin(shape, ","), "]"); }

// A maximal run of dimensions [from, from_end) of one shape that holds the same elements as
// [to, to_end) of another.
struct Group {
  size_t from, from_end, to, to_end;
};

// Splits two shapes of equal, positive size into as many groups as possible, so that a reshape
// only divides where dimensions really mix.
std::vector<Group> MatchDimensions(const Shape& from, const Shape& to) {
  std::vector<Group> groups;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    Group group{i, i, j, j};
    int64_t a = i < from.size() ? from[i++] : 1;
    int64_t b = j < to.size() ? to[j++] : 1;
    while (a != b) {
      if (a < b)
        a *= from[i++];
      else
        b *= to[j++];
    }
    group.from_end = i;
    group.to_end = j;
    groups.push_back(group);
  }
  return groups;
}

// Indices into `from` of the element at position `axes` of `to`.
Exprs ReshapeIndices(const Shape& from, const Shape& to, const Exprs& axes) {
  Exprs indices(from.size());
  for (const Group& group : MatchDimensions(from, to)) {
    Expr linear = Int(0);
    for (size_t j = group.to; j < group.to_end; ++j) linear = linear * to[j] + axes[j];
    for (size_t i = group.from_end; i-- > group.from;) {
      indices[i] = i == group.from ? linear : FloorMod(linear, from[i]);
      if (from[i] == 1) indices[i] = Int(0);
      linear = FloorDiv(linear, from[i]);
    }
  }
  return indices;
}

Exprs LoadAll(const Point& p, const std::function<Expr(size_t)>& load) {
  Exprs values;
  for (size_t i = 0; i < p.in.size(); ++i) values.push_back(load(i));
  return values;
}

// Indices of input `shape`, aligned at the last dimensions of the position `at`.
Exprs BroadcastIndices(const Shape& shape, const Exprs& at) {
  Exprs indices;
  const size_t skip = at.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    indices.push_back(shape[d] == 1 ? Int(0) : at[skip + d]);
  }
  return indices;
}

// The position in the reduced tensor: reduction variables at `axes`, the output's elsewhere.
Exprs ReducedPosition(const Point& p, const std::vector<size_t>& axes, size_t rank, bool keep) {
  Exprs position(rank);
  size_t next = 0, reduced = 0;
  for (size_t d = 0; d < rank; ++d) {
    const bool is_reduced = reduced < axes.size() && axes[reduced] == d;
    position[d] = is_reduced ? p.reduce[reduced++] : p.axes[keep ? d : next];
    if (!is_reduced) ++next;
  }
  return position;
}

Shape ReducedShape(Shape shape, const std::vector<size_t>& axes, bool keep) {
  for (size_t i = axes.size(); i-- > 0;) {
    if (keep)
      shape[axes[i]] = 1;
    else
      shape.erase(shape.begin() + static_cast<int64_t>(axes[i]));
  }
  return shape;
}

// Stand-ins for the elements of values, to learn the type of a formula over them.
Exprs Samples(const OpBuilder& b, const std::vector<ValueId>& values) {
  Exprs samples;
  for (ValueId value : values) samples.push_back(Var("x", b.DTypeOf(value)));
  return samples;
}

}  // namespace

absl::StatusOr<Shape> BroadcastShapes(const std::vector<Shape>& shapes) {
  Shape result;
  for (const Shape& shape : shapes) {
    if (shape.size() > result.size()) {
      result.insert(result.begin(), shape.size() - result.size(), 1);
    }
    const size_t skip = result.size() - shape.size();
    for (size_t d = 0; d < shape.size(); ++d) {
      int64_t& extent = result[skip + d];
      if (shape[d] == extent || shape[d] == 1) continue;
      if (extent != 1) {
        return absl::InvalidArgumentError(
            absl::StrCat("shapes ", Text(result), " and ", Text(shape), " do not broadcast"));
      }
      extent = shape[d];
    }
  }
  return result;
}

absl::StatusOr<size_t> NormalizeAxis(int64_t axis, size_t rank) {
  const int64_t signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is outside the ", rank, " dimensions there are"));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

absl::StatusOr<std::vector<size_t>> NormalizeAxes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<size_t> result;
  for (int64_t axis : axes) {
    TW_ASSIGN_OR_RETURN(const size_t normal, NormalizeAxis(axis, rank));
    result.push_back(normal);
  }
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    return absl::InvalidArgumentError(absl::StrCat("axes ", Text(axes), " name one axis twice"));
  }
  return result;
}

absl::Status CheckRank(const OpBuilder& b, ValueId value, size_t lo, size_t hi) {
  const size_t rank = b.RankOf(value);
  if (rank >= lo && rank <= hi) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input has shape ", Text(b.ShapeOf(value)), " where ", lo,
                   lo == hi ? "" : absl::StrCat(" to ", hi), " dimensions are needed"));
}

absl::Status CheckSameType(const OpBuilder& b, const std::vector<ValueId>& values) {
  for (ValueId value : values) {
    if (b.DTypeOf(value) == b.DTypeOf(values[0])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("inputs have different element types: ", Sv(NameOf(b.DTypeOf(values[0]))),
                     " and ", Sv(NameOf(b.DTypeOf(value)))));
  }
  return absl::OkStatus();
}

absl::Status CheckShapeIs(const OpBuilder& b, ValueId value, const Shape& expected,
                          std::string_view what) {
  if (b.ShapeOf(value) == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Sv(what), " has shape ", Text(b.ShapeOf(value)),
                                                 " where ", Text(expected), " is needed"));
}

absl::StatusOr<Definition> MapDefinition(OpBuilder& b, std::string op, std::vector<ValueId> inputs,
                                         const ExprFn& fn) {
  std::vector<Shape> shapes;
  for (ValueId input : inputs) shapes.push_back(b.ShapeOf(input));
  TW_ASSIGN_OR_RETURN(Shape shape, BroadcastShapes(shapes));
  const DType dtype = fn(Samples(b, inputs))->dtype;
  return Definition{
      .op = std::move(op),
      .inputs = std::move(inputs),
      .type = {dtype, std::move(shape)},
      .body = [fn](const Point& p) { return fn(LoadAll(p, [&](size_t i) { return p.Here(i); })); }};
}

absl::StatusOr<ValueId> Map(OpBuilder& b, std::string op, std::vector<ValueId> inputs,
                            const ExprFn& fn) {
  TW_ASSIGN_OR_RETURN(Definition map, MapDefinition(b, std::move(op), std::move(inputs), fn));
  return b.Emit(std::move(map));
}

absl::StatusOr<ValueId> CastTo(OpBuilder& b, ValueId value, DType dtype) {
  if (b.DTypeOf(value) == dtype) return value;
  return Map(b, "cast", {value}, [dtype](const Exprs& x) { return Cast(x[0], dtype); });
}

absl::StatusOr<ValueId> Reshape(OpBuilder& b, ValueId value, Shape shape) {
  const TensorType& from = b.TypeOf(value);
  TW_RETURN_IF_ERROR(CheckShape(shape));
  if (from.shape == shape) return value;
  if (NumElements(from.shape) != NumElements(shape)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot reshape ", Text(from.shape), " to ",
                                                   Text(shape), ": different element counts"));
  }
  return b.Emit({.op = "reshape",
                 .inputs = {value},
                 .type = {from.dtype, shape},
                 .body = [&shape](const Point& p) {
                   return p.Load(0, ReshapeIndices(p.in[0]->shape, shape, p.axes));
                 }});
}

absl::StatusOr<ValueId> Transpose(OpBuilder& b, ValueId value, std::vector<size_t> permutation) {
  if (std::is_sorted(permutation.begin(), permutation.end())) return value;
  const TensorType& from = b.TypeOf(value);
  Shape shape;
  for (size_t d : permutation) shape.push_back(from.shape[d]);
  return b.Emit({.op = "transpose",
                 .inputs = {value},
                 .type = {from.dtype, std::move(shape)},
                 .body = [&permutation](const Point& p) {
                   Exprs indices(permutation.size());
                   for (size_t d = 0; d < permutation.size(); ++d) {
                     indices[permutation[d]] = p.axes[d];
                   }
                   return p.Load(0, std::move(indices));
                 }});
}

absl::StatusOr<ValueId> ExpandTo(OpBuilder& b, ValueId value, Shape shape) {
  if (b.ShapeOf(value) == shape) return value;
  return b.Emit({.op = "expand",
                 .inputs = {value},
                 .type = {b.DTypeOf(value), std::move(shape)},
                 .body = [](const Point& p) { return p.Here(0); }});
}

absl::StatusOr<ValueId> AddChannels(OpBuilder& b, ValueId x, ValueId bias) {
  return b.Emit(
      {.op = "bias_add", .inputs = {x, bias}, .type = b.TypeOf(x), .body = [](const Point& p) {
         return p.Here(0) + p.Load(1, {p.axes[1]});
       }});
}

absl::StatusOr<ValueId> ReduceAxes(OpBuilder& b, const AxesReduction& r) {
  const Shape in = b.ShapeOf(r.inputs[0]);
  const bool reduces = !r.axes.empty();
  const auto element = [&](const Exprs& x) { return r.body ? r.body(x) : x[0]; };
  const auto finish = [&](Expr value) { return r.result ? r.result(std::move(value)) : value; };
  Definition d;
  d.op = r.op;
  d.inputs = r.inputs;
  d.type = {finish(element(Samples(b, r.inputs)))->dtype, ReducedShape(in, r.axes, r.keep)};
  d.body = [&](const Point& p) {
    const Exprs at = ReducedPosition(p, r.axes, in.size(), r.keep);
    Expr value = element(
        LoadAll(p, [&](size_t i) { return p.Load(i, BroadcastIndices(p.in[i]->shape, at)); }));
    return reduces ? value : finish(std::move(value));
  };
  if (!reduces) return b.Emit(std::move(d));
  d.reducer = r.reducer;
  for (size_t axis : r.axes) d.reduce.push_back(in[axis]);
  d.result = [&](const Point& p) { return finish(p.acc); };
  return b.Emit(std::move(d));
}

absl::StatusOr<ValueId> MeanOverAxes(OpBuilder& b, AxesReduction r) {
  double count = 1;
  for (size_t axis : r.axes) count *= static_cast<double>(b.ShapeOf(r.inputs[0])[axis]);
  r.result = [count](Expr sum) {
    const Expr divisor = Const(count, sum->dtype);
    return Divide(std::move(sum), divisor);
  };
  return ReduceAxes(b, r);
}

absl::StatusOr<ValueId> ReduceExtreme(OpBuilder& b, const AxesReduction& r) {
  const TensorType& type = b.TypeOf(r.inputs[0]);
  const bool no_first = NumElements(type.shape) == 0;
  if (r.axes.empty() || !IsFloat(type.dtype) || no_first) return ReduceAxes(b, r);
  const Shape in = type.shape;
  Definition d{.op = r.op, .inputs = r.inputs, .type = type};
  d.type.shape = ReducedShape(in, r.axes, r.keep);
  d.body = [&](const Point& p) { return p.Load(0, ReducedPosition(p, r.axes, in.size(), r.keep)); };
  d.reducer = r.reducer;
  for (size_t axis : r.axes) d.reduce.push_back(in[axis]);
  d.result = [&](const Point& p) {
    Exprs at = ReducedPosition(p, r.axes, in.size(), r.keep);
    for (size_t axis : r.axes) at[axis] = Int(0);
    const Expr first = p.Load(0, std::move(at));
    return Select(IsNan(first), first, p.acc);
  };
  return b.Emit(std::move(d));
}

absl::StatusOr<ValueId> PositionOfExtreme(OpBuilder& b, ValueId x, const ExtremePosition& wanted) {
  const size_t axis = wanted.axis;
  const Reducer choice = wanted.last ? Reducer::kMax : Reducer::kMin;
  TW_ASSIGN_OR_RETURN(
      const ValueId best,
      ReduceExtreme(
          b, {.op = "arg_extreme", .inputs = {x}, .axes = {axis}, .reducer = wanted.extreme}));
  const auto nan_at_start = [axis](const Point& p) {
    return Binary(BinaryOp::kAnd, Eq(p.axes[axis], Int(0)), IsNan(p.Here(1)));
  };
  const TensorType type{DType::kI64, b.ShapeOf(x)};
  TW_ASSIGN_OR_RETURN(
      const ValueId positions,
      b.Emit(
          {.op = "arg_positions", .inputs = {x, best}, .type = type, .body = [&](const Point& p) {
             const Expr holds = Or(Eq(p.Here(0), p.Here(1)), nan_at_start(p));
             return Select(holds, p.axes[axis], InitialValue(choice, DType::kI64));
           }}));
  return ReduceAxes(b, {.op = "arg_reduce",
                        .inputs = {positions},
                        .axes = {axis},
                        .keep = wanted.keep,
                        .reducer = choice});
}

bool IsTunable(DType dtype) {
  return dtype == DType::kF32 || IsNarrowFloat(dtype) || dtype == DType::kI16;
}

Expr IsNan(const Expr& x) {
  return IsFloat(x->dtype) ? Call("isnan", {x}, DType::kBool) : Bool(false);
}

Expr SafeIndex(Expr index, int64_t extent) {
  Expr i = Cast(std::move(index), DType::kI64);
  if (AsInt(i) == nullptr)
    i = Select(Lt(i, Int(0)), i + extent, i);
  else if (*AsInt(i) < 0)
    i = i + extent;
  return Min(Max(std::move(i), Int(0)), Int(extent - 1));
}

Expr Divide(Expr a, Expr b) {
  const DType dtype = a->dtype;
  if (IsFloat(dtype)) return Binary(BinaryOp::kDiv, std::move(a), std::move(b));
  const Expr zero = Int(0, dtype);
  const Expr divisor = Select(Eq(b, zero), Int(1, dtype), b);
  if (IsUnsigned(dtype)) return Binary(BinaryOp::kDiv, std::move(a), divisor);
  const Expr quotient =
      Binary(BinaryOp::kDiv, Call("abs", {a}, dtype), Call("abs", {divisor}, dtype));
  const Expr negative = Binary(BinaryOp::kXor, Lt(a, zero), Lt(divisor, zero));
  return Select(negative, Call("neg", {quotient}, dtype), quotient);
}

}  // namespace tilewright
