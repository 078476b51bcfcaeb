// CumSum and CumProd: a running sum or product along one axis.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

struct Running {
  size_t axis;
  bool exclusive, reverse;
  Reducer reducer;
};

// 16-bit floats are accumulated in float32.
Stmt AccumulateRow(const Running& r, const Buffer& x, const Buffer& out, std::vector<Expr> row) {
  const DType dtype = x->dtype, wide = IsNarrowFloat(dtype) ? DType::kF32 : dtype;
  const int64_t extent = x->shape[r.axis];
  const Cell sum("sum", wide);
  const auto step = [&](const Expr& i) {
    row[r.axis] = r.reverse ? Int(extent - 1) - i : i;
    const Stmt add = sum.Set(Combine(r.reducer, sum.Get(), Cast(Load(x, row), wide)));
    const Stmt store = Store(out, row, Cast(sum.Get(), dtype));
    return r.exclusive ? Seq({store, add}) : Seq({add, store});
  };
  const Stmt start = sum.Set(InitialValue(r.reducer, wide));
  return With({sum}, Seq({start, InOrder("i", Int(extent), step)}));
}

absl::StatusOr<Outputs> Accumulate(OpBuilder& b, Reducer reducer) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> listed, b.ConstInts(1, "axis"));
  if (listed.size() != 1) return absl::InvalidArgumentError("axis must be a scalar");
  const TensorType type = b.TypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(listed[0], type.shape.size()));
  const Running r{axis, b.Int("exclusive", 0) != 0, b.Int("reverse", 0) != 0, reducer};
  return b.EmitProcedure({.op = reducer == Reducer::kSum ? "cumsum" : "cumprod",
                          .inputs = {b.Input(0)},
                          .type = type,
                          .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                            return ForRows(type.shape, axis, [&](std::vector<Expr> row) {
                              return AccumulateRow(r, in[0], out, std::move(row));
                            });
                          }});
}

absl::StatusOr<Outputs> CumSum(OpBuilder& b) { return Accumulate(b, Reducer::kSum); }
absl::StatusOr<Outputs> CumProd(OpBuilder& b) { return Accumulate(b, Reducer::kProd); }

}  // namespace

OpList cumsum() {
  return {{"CumSum", 11, 2, CumSum, kNumbers}, {"CumProd", 26, 2, CumProd, kNumbers}};
}

}  // namespace tilewright::onnx_ops
