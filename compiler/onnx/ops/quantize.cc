// QuantizeLinear and DequantizeLinear, per tensor or per axis, and DynamicQuantizeLinear.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/quantized.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright::onnx_ops {
namespace {

// A scale or zero point of each `block` elements along an axis, at every element.
absl::StatusOr<ValueId> AtElements(OpBuilder& b, ValueId value, size_t axis, int64_t block) {
  Shape wanted = b.ShapeOf(b.Input(0));
  const Shape all = wanted;
  block = std::min(block, std::max<int64_t>(1, all[axis]));
  wanted[axis] = (wanted[axis] + block - 1) / block;
  if (b.ShapeOf(value) != wanted) {
    return absl::InvalidArgumentError(
        absl::StrCat("has a scale or zero point of shape [", absl::StrJoin(b.ShapeOf(value), ","),
                     "] where blocks of ", block, " along axis ", axis, " need [",
                     absl::StrJoin(wanted, ","), "]"));
  }
  return b.Emit({.op = "blocks",
                 .inputs = {value},
                 .type = {b.DTypeOf(value), all},
                 .body =
                     [axis, block](const Point& p) {
                       Exprs at = p.axes;
                       at[axis] = FloorDiv(at[axis], block);
                       return p.Load(0, std::move(at));
                     },
                 .folds = false});
}

// Data, scale and, when there is one, zero point.
absl::StatusOr<std::vector<ValueId>> ReadQuantizer(OpBuilder& b) {
  std::vector<ValueId> inputs = {b.Input(0)};
  const int64_t block = b.Int("block_size", 0);
  if (block < 0) return absl::InvalidArgumentError(absl::StrCat("block_size is ", block));
  for (size_t i = 1; i < 3 && b.HasInput(i); ++i) {
    if (block > 0) {
      TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 1), b.RankOf(b.Input(0))));
      TW_ASSIGN_OR_RETURN(inputs.emplace_back(), AtElements(b, b.Input(i), axis, block));
      continue;
    }
    const bool scalar = NumElements(b.ShapeOf(b.Input(i))) == 1;
    size_t axis = 0;
    if (!scalar) {
      TW_ASSIGN_OR_RETURN(axis, NormalizeAxis(b.Int("axis", 1), b.RankOf(b.Input(0))));
    }
    TW_ASSIGN_OR_RETURN(const ValueId value, AlongAxis(b, b.Input(i), b.ShapeOf(b.Input(0)), axis));
    inputs.push_back(value);
  }
  if (!IsFloat(b.DTypeOf(inputs[1])) || b.DTypeOf(inputs[1]) == DType::kF64) {
    return absl::InvalidArgumentError("scale is not a float32, float16 or bfloat16 tensor");
  }
  TW_RETURN_IF_ERROR(CheckScale(b, b.Input(1)));
  return inputs;
}

// Of the scale's type. Of weights it stays a node, so that run_in_integers finds the integers.
absl::StatusOr<Outputs> DequantizeLinear(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> inputs, ReadQuantizer(b));
  if (!IsInteger(b.DTypeOf(inputs[0]))) return absl::InvalidArgumentError("input is no integer");
  const auto real_of = [](const Exprs& x) {
    const DType real = x[1]->dtype;
    Expr value = Cast(x[0], real);
    if (x.size() > 2) value = value - Cast(x[2], real);
    return value * x[1];
  };
  TW_ASSIGN_OR_RETURN(Definition map, MapDefinition(b, "dequantize", inputs, real_of));
  map.folds = SizeOf(b.DTypeOf(inputs[0])) > 1;
  return b.Emit(std::move(map));
}

// The type of the result: the zero point's, the one named, or uint8.
absl::StatusOr<DType> QuantizedType(OpBuilder& b, const std::vector<ValueId>& inputs) {
  DType to = DType::kU8;
  if (inputs.size() > 2) {
    to = b.DTypeOf(inputs[2]);
  } else if (const int64_t named = b.Int("output_dtype", 0); named != 0) {
    TW_ASSIGN_OR_RETURN(to, FromOnnxType(static_cast<int32_t>(named)));
  }
  if (IsInteger(to) && SizeOf(to) <= 2) return to;
  return absl::UnimplementedError(
      absl::StrCat("results of type ", Sv(NameOf(to)), " are not supported"));
}

absl::StatusOr<Outputs> QuantizeLinear(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> inputs, ReadQuantizer(b));
  TW_ASSIGN_OR_RETURN(const DType to, QuantizedType(b, inputs));
  return Map(b, "quantize", inputs, [to](const Exprs& x) {
    const Expr ratio = Divide(Cast(x[0], DType::kF32), Cast(x[1], DType::kF32));
    return Saturated(ratio, x.size() > 2 ? x[2] : nullptr, to);
  });
}

absl::StatusOr<Outputs> DynamicQuantizeLinear(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const DynamicallyQuantized q, QuantizeDynamically(b, b.Input(0)));
  return Outputs({q.values, q.scale, q.zero_point});
}

}  // namespace

OpList quantize() {
  return {{"QuantizeLinear", 10, 2, QuantizeLinear, kQuantizable | ElementTypes{DType::kI32}},
          {"DequantizeLinear", 10, 2, DequantizeLinear, kQuantized},
          {"com.microsoft.QuantizeLinear", 1, 2, QuantizeLinear, kQuantizable},
          {"com.microsoft.DequantizeLinear", 1, 2, DequantizeLinear, kQuantized},
          {"DynamicQuantizeLinear", 11, 1, DynamicQuantizeLinear, {DType::kF32}}};
}

}  // namespace tilewright::onnx_ops
