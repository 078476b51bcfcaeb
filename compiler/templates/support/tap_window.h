// A convolution's window along one spatial dimension of NCHW data. A value.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/loop/expr.h"

namespace tilewright {

struct TapWindow {
  int64_t extent, out, taps, stride, dilation, before;
  bool pads = false;  // some taps lie outside

  // Along spatial dimension d (0: rows) of a conv2d.
  TapWindow(const Workload& w, const Shape& out_shape, size_t d)
      : extent(w.inputs[0].shape[2 + d]),
        out(out_shape[2 + d]),
        taps(w.inputs[1].shape[2 + d]),
        stride(w.Attr("strides")[d]),
        dilation(w.Attr("dilation")[d]),
        before(w.Attr("padding")[d]) {
    pads = before > 0 || (out - 1) * stride + (taps - 1) * dilation - before >= extent;
  }

  // What a tap of an output reads, and whether that is there; null: always.
  Expr At(const Expr& output, const Expr& tap) const {
    return output * stride + tap * dilation - before;
  }
  Expr Inside(const Expr& output, const Expr& tap) const {
    const Expr at = At(output, tap);
    return pads ? And(Le(Int(0), at), Lt(at, Int(extent))) : nullptr;
  }
  bool IsPointwise() const { return taps == 1 && stride == 1 && !pads && out == extent; }
};

}  // namespace tilewright
