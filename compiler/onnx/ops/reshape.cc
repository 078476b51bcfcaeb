// Reshape, Flatten, Squeeze, Unsqueeze; Identity and Dropout (at inference), which are their input.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> ReshapeTo(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(Shape shape, b.ConstInts(1, "shape"));
  const Shape& from = b.ShapeOf(b.Input(0));
  if (b.Int("allowzero", 0) == 0) {
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 0 && d < from.size()) shape[d] = from[d];
    }
  }
  const auto unknown = std::find(shape.begin(), shape.end(), -1);
  if (unknown != shape.end()) {
    *unknown = 1;
    TW_RETURN_IF_ERROR(CheckShape(shape));
    const int64_t known = NumElements(shape);
    // An even division or the element counts differ, which Reshape reports.
    *unknown = known == 0 ? 0 : NumElements(from) / known;
  }
  return Reshape(b, b.Input(0), std::move(shape));
}

absl::StatusOr<Outputs> Flatten(OpBuilder& b) {
  const Shape& from = b.ShapeOf(b.Input(0));
  const int64_t rank = static_cast<int64_t>(from.size());
  int64_t axis = b.Int("axis", 1);
  if (axis < -rank || axis > rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis ", axis, " is outside ", rank, " dimensions"));
  }
  if (axis < 0) axis += rank;
  const int64_t rows = NumElements(Shape(from.begin(), from.begin() + axis));
  const int64_t columns = NumElements(Shape(from.begin() + axis, from.end()));
  return Reshape(b, b.Input(0), {rows, columns});
}

// Axes are an attribute up to opset 12 and an input from 13 on.
absl::StatusOr<std::vector<int64_t>> ListedAxes(OpBuilder& b) {
  if (b.opset() < 13) return b.Ints("axes", {});
  if (!b.HasInput(1)) return std::vector<int64_t>();
  return b.ConstInts(1, "axes");
}

absl::StatusOr<Outputs> Squeeze(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> listed, ListedAxes(b));
  const Shape& from = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes, NormalizeAxes(listed, from.size()));
  Shape shape;
  for (size_t d = 0; d < from.size(); ++d) {
    const bool named = std::binary_search(axes.begin(), axes.end(), d);
    if (named && from[d] != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", d, " is ", from[d], ", only 1 can be squeezed"));
    }
    if (!named && (from[d] != 1 || !axes.empty())) shape.push_back(from[d]);
  }
  return Reshape(b, b.Input(0), std::move(shape));
}

absl::StatusOr<Outputs> Unsqueeze(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> listed, ListedAxes(b));
  Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> axes,
                      NormalizeAxes(listed, shape.size() + listed.size()));
  for (size_t axis : axes) shape.insert(shape.begin() + static_cast<int64_t>(axis), 1);
  return Reshape(b, b.Input(0), std::move(shape));
}

absl::StatusOr<Outputs> ExpandDims(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> axis, b.ConstInts(1, "axis"));
  if (axis.size() != 1) return absl::InvalidArgumentError("axis must be a scalar");
  Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t at, NormalizeAxis(axis[0], shape.size() + 1));
  shape.insert(shape.begin() + static_cast<int64_t>(at), 1);
  return Reshape(b, b.Input(0), std::move(shape));
}

absl::StatusOr<Outputs> Identity(OpBuilder& b) { return b.Input(0); }

// Whether the node drops elements, which is random: in training, unless the ratio is 0.
absl::StatusOr<bool> Drops(OpBuilder& b) {
  if (!b.HasInput(2)) return false;
  TW_ASSIGN_OR_RETURN(const Tensor training, b.ConstInput(2, "training_mode"));
  if (training.size() != 1) return absl::InvalidArgumentError("training_mode must be a scalar");
  if (training.AsInt(0) == 0) return false;
  if (!b.HasInput(1)) return true;
  TW_ASSIGN_OR_RETURN(const Tensor ratio, b.ConstInput(1, "ratio"));
  return ratio.size() != 1 || ratio.AsDouble(0) != 0;
}

absl::StatusOr<Outputs> Dropout(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const bool drops, Drops(b));
  if (drops) {
    return absl::UnimplementedError(
        "training_mode drops elements at random, which is not supported: export the model for "
        "inference");
  }
  if (b.num_outputs() < 2) return b.Input(0);
  // Up to opset 9 the mask has the data's type.
  const DType dtype = b.opset() >= 10 ? DType::kBool : b.DTypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const ValueId mask,
                      b.Emit({.op = "dropout_mask",
                              .type = {dtype, b.ShapeOf(b.Input(0))},
                              .body = [dtype](const Point&) { return Const(1, dtype); }}));
  return Outputs({b.Input(0), mask});
}

}  // namespace

OpList reshape() {
  return {{"Reshape", 5, 2, ReshapeTo},
          {"Flatten", 1, 1, Flatten},
          {"com.microsoft.ExpandDims", 1, 2, ExpandDims},
          {"Squeeze", 1, 1, Squeeze},
          {"Unsqueeze", 1, 1, Unsqueeze},
          {"Dropout", 7, 1, Dropout},
          {"Identity", 1, 1, Identity, kEveryType, true}};
}

}  // namespace tilewright::onnx_ops
