// Register-tiled programs written by hand: what templates produce.
#pragma once

#include "compiler/loop/stmt.h"

namespace tilewright {

struct ConvTile {
  int64_t oc_blocks = 2;           // accumulator rows
  int64_t ow_tile = 14;            // accumulator columns
  int64_t kernel = 3;              // square
  int64_t channels = 64;           // in and out; multiples of lanes, and of lanes * oc_blocks
  int64_t height = 4, width = 28;  // of the output
  int64_t lanes = 16;
};

// data[C/x, H+k-1, W+k-1, x] * weight[O/x, C/x, k, k, x(in), x(out)] -> out[O/x, H, W, x], with
// oc_blocks * ow_tile accumulators over the serial taps, four channels unrolled.
inline Program ConvMicrokernel(const ConvTile& t) {
  const int64_t x = t.lanes, blocks = t.channels / x, pad = t.kernel - 1;
  const Buffer data = MakeBuffer("data", DType::kF32, {blocks, t.height + pad, t.width + pad, x});
  const Buffer weight =
      MakeBuffer("weight", DType::kF32, {blocks, blocks, t.kernel, t.kernel, x, x});
  const Buffer out = MakeBuffer("out", DType::kF32, {blocks, t.height, t.width, x});
  const Buffer acc = MakeBuffer("acc", DType::kF32, {t.oc_blocks, t.ow_tile, x}, Scope::kRegister);
  const Expr p = Var("p"), oh = Var("oh"), owo = Var("owo"), ic = Var("ic");
  const Expr io = Var("io"), iu = Var("iu");
  const Expr kh = Var("kh"), kw = Var("kw"), o = Var("o"), w = Var("w"), l = Var("l");
  const Expr oc = p * t.oc_blocks + o, ow = owo * t.ow_tile + w;
  const auto tile = [&](Stmt body) {
    return For(w, t.ow_tile, LoopKind::kUnrolled,
               For(o, t.oc_blocks, LoopKind::kUnrolled, For(l, x, LoopKind::kVectorized, body)));
  };
  const Stmt zero = tile(Store(acc, {o, w, l}, Float(0)));
  const Expr ii = io * 4 + iu;
  const Expr product =
      Load(data, {ic, oh + kh, ow + kw, ii}) * Load(weight, {oc, ic, kh, kw, ii, l});
  const Stmt step = tile(Store(acc, {o, w, l}, Load(acc, {o, w, l}) + product));
  const Stmt channels = For(io, x / 4, LoopKind::kSerial, For(iu, 4, LoopKind::kUnrolled, step));
  const Stmt taps =
      For(kh, t.kernel, LoopKind::kSerial, For(kw, t.kernel, LoopKind::kSerial, channels));
  const Stmt reduce = For(ic, blocks, LoopKind::kSerial, taps);
  const Stmt write = tile(Store(out, {oc, oh, ow, l}, Max(Load(acc, {o, w, l}), Float(0))));
  Stmt body = Alloc(acc, Seq({zero, reduce, write}));
  body =
      For(oh, t.height, LoopKind::kSerial, For(owo, t.width / t.ow_tile, LoopKind::kSerial, body));
  return {.name = "conv",
          .params = {data, weight, out},
          .body = For(p, blocks / t.oc_blocks, LoopKind::kParallel, body)};
}

}  // namespace tilewright
