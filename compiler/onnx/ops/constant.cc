// Values that the model spells out or that follow from shapes: Constant, ConstantOfShape, Shape,
// Size, Range, EyeLike.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/sparse_tensor.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright::onnx_ops {
namespace {

Tensor IntTensor(const std::vector<int64_t>& values, bool scalar = false) {
  Shape shape;
  if (!scalar) shape.push_back(static_cast<int64_t>(values.size()));
  return Tensor({DType::kI64, std::move(shape)}, values);
}

Tensor FloatTensor(const std::vector<float>& values, bool scalar = false) {
  Shape shape;
  if (!scalar) shape.push_back(static_cast<int64_t>(values.size()));
  return Tensor({DType::kF32, std::move(shape)}, values);
}

absl::StatusOr<Outputs> Constant(OpBuilder& b) {
  if (const onnx::AttributeProto* value = b.Find("value")) {
    if (value->t().data_type() == onnx::TensorProto::STRING) {
      TW_ASSIGN_OR_RETURN(StringTensor strings, FromOnnxStrings(value->t()));
      return b.Constant(std::move(strings));
    }
    TW_ASSIGN_OR_RETURN(Tensor tensor, FromOnnxTensor(value->t()));
    return b.Constant(std::move(tensor));
  }
  if (const onnx::AttributeProto* value = b.Find("sparse_value")) {
    TW_ASSIGN_OR_RETURN(Tensor tensor, FromOnnxSparse(value->sparse_tensor()));
    return b.Constant(std::move(tensor));
  }
  if (b.HasAttr("value_int")) return b.Constant(IntTensor({b.Int("value_int", 0)}, true));
  if (b.HasAttr("value_ints")) return b.Constant(IntTensor(b.Ints("value_ints", {})));
  if (b.HasAttr("value_float")) {
    return b.Constant(FloatTensor({static_cast<float>(b.Float("value_float", 0))}, true));
  }
  if (b.HasAttr("value_floats")) return b.Constant(FloatTensor(b.Floats("value_floats")));
  if (b.HasAttr("value_string")) return b.Constant(PlacesOf({b.Str("value_string", "")}, {}));
  if (b.HasAttr("value_strings")) {
    const Names texts = b.Strings("value_strings");
    return b.Constant(PlacesOf(texts, {static_cast<int64_t>(texts.size())}));
  }
  return absl::UnimplementedError("has no value of a supported kind (tensor, int, float, string)");
}

// A literal of any element type.
Expr LiteralOf(const Tensor& scalar) {
  return IsFloat(scalar.dtype()) ? Float(scalar.AsDouble(0), scalar.dtype())
                                 : Int(scalar.AsInt(0), scalar.dtype());
}

absl::StatusOr<Outputs> ConstantOfShape(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(Shape shape, b.ConstInts(0, "shape"));
  Tensor value({DType::kF32, {1}});
  if (const onnx::AttributeProto* attribute = b.Find("value")) {
    TW_ASSIGN_OR_RETURN(value, FromOnnxTensor(attribute->t()));
    if (value.size() != 1) return absl::InvalidArgumentError("value must have one element");
  }
  return b.Emit({.op = "full",
                 .type = {value.dtype(), std::move(shape)},
                 .body = [&](const Point&) { return LiteralOf(value); }});
}

// A shape of which a part depends on data is no constant.
absl::Status CheckKnown(const OpBuilder& b) {
  if (!b.IsBounded(b.Input(0))) return absl::OkStatus();
  return absl::UnimplementedError("asks for a number of elements that depends on data");
}

absl::StatusOr<Outputs> ShapeOfInput(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckKnown(b));
  const Shape& shape = b.ShapeOf(b.Input(0));
  const int64_t rank = static_cast<int64_t>(shape.size());
  const auto clamp = [rank](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank);
  };
  const int64_t start = clamp(b.Int("start", 0));
  const int64_t end = std::max(start, clamp(b.Int("end", rank)));
  return b.Constant(IntTensor(Shape(shape.begin() + start, shape.begin() + end)));
}

absl::StatusOr<Outputs> Size(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckKnown(b));
  return b.Constant(IntTensor({NumElements(b.ShapeOf(b.Input(0)))}, true));
}

absl::StatusOr<Outputs> Range(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1), b.Input(b.HasInput(2) ? 2 : 0)}));
  TW_ASSIGN_OR_RETURN(const Tensor start, b.ConstInput(0, "start"));
  TW_ASSIGN_OR_RETURN(const Tensor limit, b.ConstInput(1, "limit"));
  Tensor delta({start.dtype(), {}});
  delta.Set(0, 1);
  if (b.HasInput(2)) {
    TW_ASSIGN_OR_RETURN(delta, b.ConstInput(2, "delta"));
  }
  if (start.size() != 1 || limit.size() != 1 || delta.size() != 1) {
    return absl::InvalidArgumentError("start, limit and delta must be scalars");
  }
  const double step = delta.AsDouble(0);
  const double count = std::ceil((limit.AsDouble(0) - start.AsDouble(0)) / step);
  if (!(std::abs(count) < static_cast<double>(kMaxElements))) {
    return absl::InvalidArgumentError(absl::StrCat("delta ", step, " makes no finite range"));
  }
  const int64_t extent = std::max<int64_t>(0, static_cast<int64_t>(count));
  return b.Emit({.op = "range", .type = {start.dtype(), {extent}}, .body = [&](const Point& p) {
                   return LiteralOf(start) + Cast(p.axes[0], start.dtype()) * LiteralOf(delta);
                 }});
}

absl::StatusOr<Outputs> EyeLike(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, 2));
  DType dtype = b.DTypeOf(b.Input(0));
  if (b.HasAttr("dtype")) {
    TW_ASSIGN_OR_RETURN(dtype, FromOnnxType(static_cast<int32_t>(b.Int("dtype", 0))));
  }
  const int64_t k = b.Int("k", 0);
  return b.Emit({.op = "eye", .type = {dtype, b.ShapeOf(b.Input(0))}, .body = [=](const Point& p) {
                   return Select(Eq(p.axes[0] + k, p.axes[1]), Const(1, dtype), Const(0, dtype));
                 }});
}

}  // namespace

OpList constant() {
  return {{"Constant", 1, 0, Constant},      {"ConstantOfShape", 9, 1, ConstantOfShape},
          {"Shape", 1, 1, ShapeOfInput},     {"Size", 1, 1, Size},
          {"Range", 11, 3, Range, kNumbers}, {"com.microsoft.Range", 1, 2, Range, kNumbers},
          {"EyeLike", 9, 1, EyeLike}};
}

}  // namespace tilewright::onnx_ops
