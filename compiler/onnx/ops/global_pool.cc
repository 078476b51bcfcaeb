// GlobalMaxPool, GlobalAveragePool and GlobalLpPool: reductions over all spatial dimensions.
#include <numeric>

#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<AxesReduction> OverSpatial(OpBuilder& b, std::string op, Reducer reducer) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, kMaxRank));
  std::vector<size_t> axes(b.RankOf(b.Input(0)) - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return AxesReduction{
      .op = std::move(op), .inputs = {b.Input(0)}, .axes = std::move(axes), .reducer = reducer};
}

absl::StatusOr<Outputs> GlobalMaxPool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const AxesReduction r, OverSpatial(b, "global_max_pool", Reducer::kMax));
  return ReduceAxes(b, r);
}

absl::StatusOr<Outputs> GlobalAveragePool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(AxesReduction r, OverSpatial(b, "global_avg_pool", Reducer::kSum));
  return MeanOverAxes(b, std::move(r));
}

absl::StatusOr<Outputs> GlobalLpPool(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(AxesReduction r, OverSpatial(b, "global_lp_pool", Reducer::kSum));
  const double power = static_cast<double>(b.Int("p", 2));
  const auto pow = [](const Expr& x, double e) {
    return Call("pow", {x, Float(e, x->dtype)}, x->dtype);
  };
  r.body = [=](const Exprs& x) { return pow(Call("abs", {x[0]}, x[0]->dtype), power); };
  r.result = [=](const Expr& sum) { return pow(sum, 1 / power); };
  return ReduceAxes(b, r);
}

}  // namespace

OpList global_pool() {
  return {{"GlobalMaxPool", 1, 1, GlobalMaxPool, kNumbers},
          {"GlobalAveragePool", 1, 1, GlobalAveragePool, kFloats},
          {"GlobalLpPool", 2, 1, GlobalLpPool, kFloats}};
}

}  // namespace tilewright::onnx_ops
