// Building blocks that several ONNX operators are made of: elementwise maps, reshapes, transposes,
// reductions. Each checks its arguments (they come from a model) and says what is wrong with them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

using Exprs = std::vector<Expr>;
using ExprFn = std::function<Expr(const Exprs&)>;

// numpy's broadcast of shapes; InvalidArgument names two that do not fit.
absl::StatusOr<Shape> BroadcastShapes(const std::vector<Shape>& shapes);
// Counted from the end when negative; InvalidArgument outside [-rank, rank).
absl::StatusOr<size_t> NormalizeAxis(int64_t axis, size_t rank);
// The same for several, sorted; InvalidArgument for duplicates.
absl::StatusOr<std::vector<size_t>> NormalizeAxes(const std::vector<int64_t>& axes, size_t rank);
// InvalidArgument unless lo <= rank <= hi.
absl::Status CheckRank(const OpBuilder& b, ValueId value, size_t lo, size_t hi);
// InvalidArgument unless all values have one element type.
absl::Status CheckSameType(const OpBuilder& b, const std::vector<ValueId>& values);
// InvalidArgument unless the shape is `expected`.
absl::Status CheckShapeIs(const OpBuilder& b, ValueId value, const Shape& expected,
                          std::string_view what);

// out = fn(inputs...) with broadcasting; the element type of the result is that of fn's.
absl::StatusOr<Definition> MapDefinition(OpBuilder& b, std::string op, std::vector<ValueId> inputs,
                                         const ExprFn& fn);
absl::StatusOr<ValueId> Map(OpBuilder& b, std::string op, std::vector<ValueId> inputs,
                            const ExprFn& fn);
absl::StatusOr<ValueId> CastTo(OpBuilder& b, ValueId value, DType dtype);
// Row-major reinterpretation; the value itself when the shape is the same already.
absl::StatusOr<ValueId> Reshape(OpBuilder& b, ValueId value, Shape shape);
// out dimension d = in dimension permutation[d]; the value itself for the identity.
absl::StatusOr<ValueId> Transpose(OpBuilder& b, ValueId value, std::vector<size_t> permutation);
// Broadcast to a shape that it broadcasts to.
absl::StatusOr<ValueId> ExpandTo(OpBuilder& b, ValueId value, Shape shape);

// x + bias[c], c being dimension 1 of x; the form that graph passes recognise as a bias.
absl::StatusOr<ValueId> AddChannels(OpBuilder& b, ValueId x, ValueId bias);

// A reduction over some axes of one tensor, which keep extent 1 when `keep`.
struct AxesReduction {
  std::string op;
  std::vector<ValueId> inputs;  // the first is reduced; others broadcast to it
  std::vector<size_t> axes;     // sorted; none = every element by itself
  bool keep = true;
  Reducer reducer = Reducer::kSum;
  ExprFn body = nullptr;                       // of the elements; default: the first
  std::function<Expr(Expr)> result = nullptr;  // of the reduced value; default: itself
};
absl::StatusOr<ValueId> ReduceAxes(OpBuilder& b, const AxesReduction& reduction);
// The sum over the axes by the number of its elements. REQUIRES: the reduction has no result.
absl::StatusOr<ValueId> MeanOverAxes(OpBuilder& b, AxesReduction reduction);

// The largest (kMax) or smallest (kMin) element over `axes`, found as ONNX Runtime's scalar code
// finds it: the first element is compared with the ones that follow, so that a NaN there stays and
// one further on is passed over. REQUIRES: the reduction has neither body nor result.
absl::StatusOr<ValueId> ReduceExtreme(OpBuilder& b, const AxesReduction& reduction);

// Where along `axis` the largest (kMax) or smallest (kMin) element lies, int64: the first of
// several, or the `last`. As in ONNX Runtime a NaN at the first position is extreme, one further on
// is passed over.
struct ExtremePosition {
  size_t axis;
  bool keep = true;
  Reducer extreme = Reducer::kMax;
  bool last = false;
};
absl::StatusOr<ValueId> PositionOfExtreme(OpBuilder& b, ValueId x, const ExtremePosition& wanted);

// Whether tunable operators take data and weights of this type.
bool IsTunable(DType dtype);

// Whether a value is NaN; false for integers.
Expr IsNan(const Expr& x);

// A user's index made safe: negative counts from the end, the rest is clamped into [0, extent), so
// that no model reads outside a tensor. Any integer type; the result is an index.
Expr SafeIndex(Expr index, int64_t extent);
// a / b of one element type; integers truncate toward zero, and a zero divisor counts as one.
Expr Divide(Expr a, Expr b);

}  // namespace tilewright
