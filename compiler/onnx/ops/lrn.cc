// LRN: local response normalisation over neighbouring channels (Krizhevsky et al., 2012).
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// base^exponent. The published exponent 3/4, and other quarters below 1, are square roots, which
// CPUs have for vectors.
Expr Power(const Expr& base, double exponent) {
  const DType dtype = base->dtype;
  if (exponent != 0.25 && exponent != 0.5 && exponent != 0.75) {
    return Call("pow", {base, Const(exponent, dtype)}, dtype);
  }
  const Expr half = Call("sqrt", {base}, dtype);
  if (exponent == 0.5) return half;
  const Expr quarter = Call("sqrt", {half}, dtype);
  return exponent == 0.25 ? quarter : half * quarter;
}

absl::StatusOr<Outputs> Lrn(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  const TensorType& type = b.TypeOf(b.Input(0));
  const int64_t channels = type.shape[1], size = b.Int("size", 0);
  if (size < 1 || size > kMaxElements || !IsFloat(type.dtype)) {
    return absl::InvalidArgumentError(absl::StrCat("size ", size, " or the type does not fit"));
  }
  const double alpha = b.Float("alpha", 1e-4) / static_cast<double>(size);
  const double beta = b.Float("beta", 0.75), bias = b.Float("bias", 1);
  const auto neighbour = [size](const Point& p) {
    return p.axes[1] + p.reduce[0] - (size - 1) / 2;
  };
  return b.Emit({.op = "lrn",
                 .inputs = {b.Input(0)},
                 .type = type,
                 .body =
                     [&](const Point& p) {
                       Exprs at = p.axes;
                       at[1] = neighbour(p);
                       const Expr x = p.Load(0, std::move(at));
                       return x * x;
                     },
                 .reducer = Reducer::kSum,
                 .reduce = {size},
                 .predicate =
                     [&](const Point& p) {
                       return And(Le(Int(0), neighbour(p)), Lt(neighbour(p), Int(channels)));
                     },
                 .result =
                     [=](const Point& p) {
                       const DType dtype = p.acc->dtype;
                       const Expr base = Const(bias, dtype) + Const(alpha, dtype) * p.acc;
                       return Divide(p.Here(0), Power(base, beta));
                     }});
}

}  // namespace

OpList lrn() { return {{"LRN", 1, 1, Lrn, kFloats}}; }

}  // namespace tilewright::onnx_ops
