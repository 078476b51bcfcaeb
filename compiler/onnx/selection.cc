#include "compiler/onnx/selection.h"

#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {

absl::StatusOr<ValueId> Counted(OpBuilder& b, ValueId packed, int64_t width, ValueId* count) {
  const int64_t size = b.ShapeOf(packed)[0];
  TW_ASSIGN_OR_RETURN(*count, ElementAt(b, packed, 0, 0));
  const absl::StatusOr<Tensor> known = b.ConstValue(*count);
  const int64_t rows = known.ok() ? known->AsInt(0) : (size - 1) / width;
  TW_ASSIGN_OR_RETURN(const ValueId flat, RangeOf(b, packed, {0, 1, 1 + rows * width}));
  TW_ASSIGN_OR_RETURN(const ValueId all, Reshape(b, flat, {rows, width}));
  if (!known.ok()) b.SetBound(all, {0, *count});
  return all;
}

absl::StatusOr<Selection> SelectNonZero(OpBuilder& b, ValueId value) {
  const int64_t room = NumElements(b.ShapeOf(value));
  TW_ASSIGN_OR_RETURN(const ValueId flat, Reshape(b, value, {room}));
  const Cell count("count", DType::kI64);
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    const auto keep = [&](const Expr& i) {
      const Expr x = Load(in[0], {i});
      const Expr holds =
          x->dtype == DType::kBool ? x : Binary(BinaryOp::kNe, x, Const(0, x->dtype));
      return If(holds, Seq({Store(out, {count.Index(room) + 1}, i), count.Set(count.Get() + 1)}));
    };
    return With(
        {count},
        Seq({ForEach("c", {room + 1}, [&](const Exprs& at) { return Store(out, at, Int(0)); }),
             count.Set(Int(0)), InOrder("i", Int(room), keep), Store(out, {Int(0)}, count.Get())}));
  };
  TW_ASSIGN_OR_RETURN(
      const ValueId packed,
      b.EmitProcedure(
          {.op = "select", .inputs = {flat}, .type = {DType::kI64, {room + 1}}, .body = body}));
  Selection s{};
  TW_ASSIGN_OR_RETURN(s.count, ElementAt(b, packed, 0, 0));
  const absl::StatusOr<Tensor> known = b.ConstValue(s.count);
  const int64_t at_most = known.ok() ? known->AsInt(0) : room;
  TW_ASSIGN_OR_RETURN(s.positions, RangeOf(b, packed, {0, 1, 1 + at_most}));
  if (!known.ok()) b.SetBound(s.positions, {0, s.count});
  return s;
}

}  // namespace tilewright
