// ScatterElements (Scatter) and ScatterND: the data are copied, then each update goes where its
// index says, in order. Of several for one element the last wins, or they are combined.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// How an update joins what is there; kNone: it replaces it.
absl::StatusOr<Reducer> ReadReduction(OpBuilder& b) {
  const std::string reduction = b.Str("reduction", "none");
  if (reduction == "none") return Reducer::kNone;
  if (b.DTypeOf(b.Input(0)) == DType::kBool) {
    return absl::InvalidArgumentError("bools have no reduction; it must be none");
  }
  if (reduction == "add") return Reducer::kSum;
  if (reduction == "mul") return Reducer::kProd;
  if (reduction == "max") return Reducer::kMax;
  if (reduction == "min") return Reducer::kMin;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown reduction ", reduction, " (none, add, mul, max or min)"));
}

absl::Status CheckTypes(const OpBuilder& b) {
  const DType index = b.DTypeOf(b.Input(1));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(2)}));
  if (index == DType::kI64 || index == DType::kI32) return absl::OkStatus();
  return absl::InvalidArgumentError("indices are not int64 or int32");
}

Stmt Update(const Buffer& out, Exprs at, Expr value, Reducer reducer) {
  if (reducer != Reducer::kNone) value = Combine(reducer, Load(out, at), std::move(value));
  return Store(out, std::move(at), std::move(value));
}

// Data with updates put in: inputs data, indices, updates.
absl::StatusOr<ValueId> Scatter(
    OpBuilder& b, Reducer reducer,
    const std::function<Exprs(const Buffer& indices, const Exprs& update)>& target) {
  const TensorType type = b.TypeOf(b.Input(0));
  const Shape updates = b.ShapeOf(b.Input(2));
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    const Stmt copy =
        ForEach("c", type.shape, [&](const Exprs& at) { return Store(out, at, Load(in[0], at)); });
    const Stmt update = ForEach("u", updates, [&](const Exprs& at) {
      return Update(out, target(in[1], at), Load(in[2], at), reducer);
    });
    return Seq({copy, update});
  };
  if (NumElements(updates) == 0) return b.Input(0);
  return b.EmitProcedure({.op = "scatter",
                          .inputs = {b.Input(0), b.Input(1), b.Input(2)},
                          .type = type,
                          .body = body});
}

absl::StatusOr<Outputs> ScatterElements(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckTypes(b));
  TW_ASSIGN_OR_RETURN(const Reducer reducer, ReadReduction(b));
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), data.size()));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), data.size(), data.size()));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), indices, "updates"));
  for (size_t d = 0; d < data.size(); ++d) {
    if (d != axis && indices[d] > data[d]) {
      return absl::InvalidArgumentError("indices do not fit the data's shape");
    }
  }
  return Scatter(b, reducer, [&](const Buffer& index, const Exprs& update) {
    Exprs at = update;
    at[axis] = SafeIndex(Load(index, update), data[axis]);
    return at;
  });
}

// indices [lead..., n] holds n-tuples into the data; updates is [lead..., data dimensions n...].
absl::StatusOr<Outputs> ScatterNd(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckTypes(b));
  TW_ASSIGN_OR_RETURN(const Reducer reducer, ReadReduction(b));
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  if (indices.empty() || indices.back() < 1 || static_cast<size_t>(indices.back()) > data.size()) {
    return absl::InvalidArgumentError("indices do not fit the data's shape");
  }
  const auto tuple = static_cast<std::ptrdiff_t>(indices.back());
  const auto lead = static_cast<std::ptrdiff_t>(indices.size()) - 1;
  Shape updates(indices.begin(), indices.begin() + lead);
  updates.insert(updates.end(), data.begin() + tuple, data.end());
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), updates, "updates"));
  return Scatter(b, reducer, [&](const Buffer& index, const Exprs& update) {
    Exprs at;
    for (std::ptrdiff_t i = 0; i < tuple; ++i) {
      Exprs place(update.begin(), update.begin() + lead);
      place.push_back(Int(i));
      at.push_back(SafeIndex(Load(index, std::move(place)), data[static_cast<size_t>(i)]));
    }
    at.insert(at.end(), update.begin() + lead, update.end());
    return at;
  });
}

}  // namespace

OpList scatter() {
  return {{"Scatter", 9, 3, ScatterElements},
          {"ScatterElements", 11, 3, ScatterElements},
          {"ScatterND", 11, 3, ScatterNd}};
}

}  // namespace tilewright::onnx_ops
