// Gather, GatherElements and GatherND: indices that are data.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::Status CheckIndices(const OpBuilder& b, ValueId indices) {
  const DType dtype = b.DTypeOf(indices);
  if (dtype == DType::kI64 || dtype == DType::kI32) return absl::OkStatus();
  return absl::InvalidArgumentError("indices are not int64 or int32");
}

absl::StatusOr<Outputs> Gather(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckIndices(b, b.Input(1)));
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), data.size()));
  const auto split = static_cast<std::ptrdiff_t>(axis);
  Shape shape(data.begin(), data.begin() + split);
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), data.begin() + split + 1, data.end());
  return b.Emit({.op = "gather",
                 .inputs = {b.Input(0), b.Input(1)},
                 .type = {b.DTypeOf(b.Input(0)), std::move(shape)},
                 .body = [&](const Point& p) {
                   const auto from = p.axes.begin() + split;
                   const auto to = from + static_cast<std::ptrdiff_t>(indices.size());
                   Exprs at(p.axes.begin(), from);
                   at.push_back(SafeIndex(p.Load(1, Exprs(from, to)), data[axis]));
                   at.insert(at.end(), to, p.axes.end());
                   return p.Load(0, std::move(at));
                 }});
}

absl::StatusOr<Outputs> GatherElements(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckIndices(b, b.Input(1)));
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), data.size()));
  bool fits = indices.size() == data.size();
  for (size_t d = 0; fits && d < data.size(); ++d) fits = d == axis || indices[d] <= data[d];
  if (!fits) return absl::InvalidArgumentError("indices do not fit the data's shape");
  return b.Emit({.op = "gather_elements",
                 .inputs = {b.Input(0), b.Input(1)},
                 .type = {b.DTypeOf(b.Input(0)), indices},
                 .body = [&](const Point& p) {
                   Exprs at = p.axes;
                   at[axis] = SafeIndex(p.Load(1, p.axes), data[axis]);
                   return p.Load(0, std::move(at));
                 }});
}

// indices [batch..., more..., n] holds n-tuples into the data's dimensions after the batch.
absl::StatusOr<Outputs> GatherND(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckIndices(b, b.Input(1)));
  const Shape data = b.ShapeOf(b.Input(0)), indices = b.ShapeOf(b.Input(1));
  const size_t batch = static_cast<size_t>(b.Int("batch_dims", 0));
  if (indices.empty() || batch >= indices.size() || batch >= data.size() || indices.back() < 1 ||
      static_cast<size_t>(indices.back()) > data.size() - batch ||
      !std::equal(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(batch),
                  indices.begin())) {
    return absl::InvalidArgumentError("indices do not fit the data's shape");
  }
  const size_t tuple = static_cast<size_t>(indices.back()), lead = indices.size() - 1;
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + static_cast<std::ptrdiff_t>(batch + tuple), data.end());
  return b.Emit(
      {.op = "gather_nd",
       .inputs = {b.Input(0), b.Input(1)},
       .type = {b.DTypeOf(b.Input(0)), std::move(shape)},
       .body = [&](const Point& p) {
         Exprs at(p.axes.begin(), p.axes.begin() + static_cast<std::ptrdiff_t>(batch));
         for (size_t i = 0; i < tuple; ++i) {
           Exprs where(p.axes.begin(), p.axes.begin() + static_cast<std::ptrdiff_t>(lead));
           where.push_back(Int(static_cast<int64_t>(i)));
           at.push_back(SafeIndex(p.Load(1, std::move(where)), data[batch + i]));
         }
         at.insert(at.end(), p.axes.begin() + static_cast<std::ptrdiff_t>(lead), p.axes.end());
         return p.Load(0, std::move(at));
       }});
}

}  // namespace

OpList gather() {
  return {{"Gather", 1, 2, Gather},
          {"GatherElements", 11, 2, GatherElements},
          {"GatherND", 11, 2, GatherND},
          {"com.microsoft.GatherND", 1, 2, GatherND}};
}

}  // namespace tilewright::onnx_ops
