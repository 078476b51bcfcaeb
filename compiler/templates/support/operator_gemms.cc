#include "compiler/templates/support/operator_gemms.h"

#include "compiler/operators/define.h"
#include "compiler/templates/support/tap_window.h"

namespace tilewright {
namespace {

// Rows are channels and taps, columns are output pixels.
void Gather(const TapWindow& h, const TapWindow& v, StagedMatrix* pixels) {
  pixels->contiguous = false;
  pixels->at = [h, v](const Expr& batch, const Expr& row, const Expr& column) {
    const Expr channel = FloorDiv(row, h.taps * v.taps);
    return std::vector<Expr>{batch, channel,
                             h.At(FloorDiv(column, v.out), FloorMod(FloorDiv(row, v.taps), h.taps)),
                             v.At(FloorMod(column, v.out), FloorMod(row, v.taps))};
  };
  pixels->inside = [h, v](const Expr& row, const Expr& column) {
    return And(h.Inside(FloorDiv(column, v.out), FloorMod(FloorDiv(row, v.taps), h.taps)),
               v.Inside(FloorMod(column, v.out), FloorMod(row, v.taps)));
  };
}

}  // namespace

TensorCoreGemm DenseGemm(const Workload& workload) {
  TensorCoreGemm gemm{.compute = Define(workload)};
  gemm.inputs = gemm.compute.inputs;
  gemm.m = workload.inputs[0].shape[0];
  gemm.n = workload.inputs[1].shape[0];
  gemm.k = workload.inputs[0].shape[1];
  const auto at = [](const Expr&, const Expr& row, const Expr& column) {
    return std::vector<Expr>{row, column};
  };
  gemm.left = {.source = gemm.inputs[0], .rows = gemm.m, .columns = gemm.k, .at = at};
  gemm.right = {.source = gemm.inputs[1], .rows = gemm.n, .columns = gemm.k, .at = at};
  gemm.axes = [](const Expr&, const Expr& m, const Expr& n) { return std::vector<Expr>{m, n}; };
  return gemm;
}

TensorCoreGemm BatchMatmulGemm(const Workload& w) {
  TensorCoreGemm gemm{.compute = Define(w)};
  gemm.inputs = gemm.compute.inputs;
  gemm.batch = w.inputs[0].shape[0];
  gemm.m = w.inputs[0].shape[1];
  gemm.k = w.inputs[0].shape[2];
  gemm.n = w.inputs[1].shape[2];
  const auto at = [](const Expr& batch, const Expr& row, const Expr& column) {
    return std::vector<Expr>{batch, row, column};
  };
  gemm.left = {.source = gemm.inputs[0], .rows = gemm.m, .columns = gemm.k, .at = at};
  gemm.right = {.source = gemm.inputs[1], .rows = gemm.k, .columns = gemm.n, .at = at};
  gemm.right_rows_are_depth = true;
  gemm.axes = at;
  return gemm;
}

TensorCoreGemm Conv2dNchwGemm(const Workload& w) {
  TensorCoreGemm gemm{.compute = Define(w)};
  const Shape& out = gemm.compute.output->shape;
  const Shape &data = w.inputs[0].shape, &weight = w.inputs[1].shape;
  gemm.batch = data[0];
  gemm.m = weight[0];
  gemm.n = out[2] * out[3];
  gemm.k = weight[1] * weight[2] * weight[3];
  gemm.inputs = gemm.compute.inputs;
  gemm.inputs[1] = MakeBuffer("weight", w.inputs[1].dtype, {gemm.m, gemm.k});
  gemm.left = {.source = gemm.inputs[1], .rows = gemm.m, .columns = gemm.k};
  gemm.left.at = [](const Expr&, const Expr& row, const Expr& column) {
    return std::vector<Expr>{row, column};
  };
  const TapWindow h(w, out, 0), v(w, out, 1);
  const bool pointwise = h.IsPointwise() && v.IsPointwise();
  if (pointwise) {
    gemm.inputs[0] = MakeBuffer("data", w.inputs[0].dtype, {data[0], data[1], gemm.n});
  }
  gemm.right = {.source = gemm.inputs[0], .rows = gemm.k, .columns = gemm.n};
  if (pointwise) {
    gemm.right.at = [](const Expr& batch, const Expr& row, const Expr& column) {
      return std::vector<Expr>{batch, row, column};
    };
  } else {
    Gather(h, v, &gemm.right);
  }
  gemm.right_rows_are_depth = true;
  const int64_t width = out[3];
  gemm.axes = [width](const Expr& batch, const Expr& m, const Expr& n) {
    return std::vector<Expr>{batch, m, FloorDiv(n, width), FloorMod(n, width)};
  };
  return gemm;
}

}  // namespace tilewright
