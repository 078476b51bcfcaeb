#include "compiler/templates/support/winograd_stages.h"

#include <functional>

#include "compiler/core/layout.h"
#include "compiler/loop/visit.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/winograd_transforms.h"

namespace tilewright {
namespace {

using Values = std::vector<Expr>;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

Stmt Lanes(const WinogradShape& s, const std::function<Stmt(const Expr& lane)>& body) {
  const Expr lane = Var("lane");
  return For(lane, s.lanes, LoopKind::kVectorized, body(lane));
}

Stmt Serially(const char* name, int64_t extent, const std::function<Stmt(const Expr& i)>& body) {
  const Expr i = Var(name);
  return For(i, extent, LoopKind::kSerial, body(i));
}

// Binds image, tile row and tile column of tile number `tile`.
Stmt WithTile(const WinogradShape& s, const Expr& tile,
              const std::function<Stmt(const Expr& n, const Expr& row, const Expr& column)>& body) {
  const Expr n = Var("n"), row = Var("tile_row"), column = Var("tile_column");
  const int64_t per_image = s.tile_rows * s.tile_columns;
  Stmt inside = body(n, row, column);
  inside = Let(column, FloorMod(tile, s.tile_columns), std::move(inside));
  inside = Let(row, FloorMod(FloorDiv(tile, s.tile_columns), s.tile_rows), std::move(inside));
  return Let(n, FloorDiv(tile, per_image), std::move(inside));
}

// Both passes of BT d B over one tile: columns into `half`, then rows to the output.
Stmt TransformTile(
    const WinogradShape& s, const WinogradMatrices& w, const Buffer& half,
    const std::function<Expr(const Expr& row, const Expr& column, const Expr& lane)>& input,
    const std::function<Stmt(const Expr& xi, const Expr& lane, Expr value)>& store) {
  const Stmt columns = Serially("j", s.alpha, [&](const Expr& j) {
    return Lanes(s, [&](const Expr& lane) {
      Values x;
      for (int64_t k = 0; k < s.alpha; ++k) x.push_back(input(Int(k), j, lane));
      std::vector<Stmt> stores;
      const Values y = InputCombinations(w, x);
      for (int64_t i = 0; i < s.alpha; ++i) stores.push_back(Store(half, {Int(i), j, lane}, y[i]));
      return Seq(std::move(stores));
    });
  });
  const Stmt rows = Serially("i", s.alpha, [&](const Expr& i) {
    return Lanes(s, [&](const Expr& lane) {
      Values x;
      for (int64_t k = 0; k < s.alpha; ++k) x.push_back(Load(half, {i, Int(k), lane}));
      std::vector<Stmt> stores;
      const Values y = InputCombinations(w, x);
      for (int64_t j = 0; j < s.alpha; ++j)
        stores.push_back(store(i * s.alpha + Int(j), lane, y[j]));
      return Seq(std::move(stores));
    });
  });
  return Seq({columns, rows});
}

// A tile at the border, copied with zeros where it leaves the image.
Stmt CopyTile(const WinogradShape& s, const Buffer& copy, const Expr& row, const Expr& column,
              const std::function<Expr(const Expr& y, const Expr& x, const Expr& lane)>& data) {
  return Serially("i", s.alpha, [&](const Expr& i) {
    return Serially("j", s.alpha, [&](const Expr& j) {
      const Expr y = row + i, x = column + j;
      const Stmt inside =
          Lanes(s, [&](const Expr& lane) { return Store(copy, {i, j, lane}, data(y, x, lane)); });
      const Stmt outside =
          Lanes(s, [&](const Expr& lane) { return Store(copy, {i, j, lane}, Float(0)); });
      return If(And(Within(y, s.height), Within(x, s.width)), inside, outside);
    });
  });
}

}  // namespace

WinogradShape WinogradShapeOf(const Workload& w, int64_t m, int64_t piece) {
  const Shape& data = w.inputs[0].shape;
  const Shape out = OutputShape(w);
  const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
  return {.batch = data[0],
          .in_blocks = CeilDiv(data[1], lanes),
          .out_blocks = CeilDiv(out[1], lanes),
          .lanes = lanes,
          .height = data[2],
          .width = data[3],
          .out_height = out[2],
          .out_width = out[3],
          .pad_top = w.Attr("padding")[0],
          .pad_left = w.Attr("padding")[1],
          .m = m,
          .alpha = m + 2,
          .tile_rows = CeilDiv(out[2], m),
          .tile_columns = CeilDiv(out[3], m),
          .piece = piece};
}

TensorType TransformedWeights(const WinogradShape& s) {
  return {DType::kF32, {s.out_blocks, s.alpha * s.alpha, s.in_channels(), s.lanes}};
}

std::vector<int64_t> TransformedPiece(const WinogradShape& s) {
  return {s.alpha * s.alpha, s.in_blocks, s.piece, s.lanes};
}

std::vector<int64_t> ProductsOfPiece(const WinogradShape& s, const WinogradTile& tile) {
  return {tile.blocks, s.alpha * s.alpha, s.piece, s.lanes};
}

Program TransformWeights(const WinogradShape& s) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const Buffer weight =
      MakeBuffer("weight", DType::kF32, {s.out_blocks, s.in_blocks, 3, 3, s.lanes, s.lanes});
  const TensorType type = TransformedWeights(s);
  const Buffer out = MakeBuffer("transformed", type.dtype, type.shape);
  const Expr oc = Var("oc");
  const auto element = [&](const Expr& ic, const Expr& ici, const Expr& lane) {
    std::vector<Stmt> stores;
    Values taps;
    for (int64_t tap = 0; tap < 9; ++tap) {
      const Expr g = Load(weight, {oc, ic, Int(tap / 3), Int(tap % 3), ici, lane});
      taps.push_back(Cast(g, DType::kF64));
    }
    for (int64_t xi = 0; xi < s.alpha * s.alpha; ++xi) {
      stores.push_back(Store(out, {oc, Int(xi), ic * s.lanes + ici, lane},
                             Cast(TransformedTap(w, xi, taps), DType::kF32)));
    }
    return Seq(std::move(stores));
  };
  const Stmt body = Serially("ic", s.in_blocks, [&](const Expr& ic) {
    return Serially("ici", s.lanes, [&](const Expr& ici) {
      return Lanes(s, [&](const Expr& lane) { return element(ic, ici, lane); });
    });
  });
  return {.name = "winograd_weights",
          .params = {weight, out},
          .body = For(oc, s.out_blocks, LoopKind::kParallel, body)};
}

Stmt TransformInput(const WinogradShape& s, const Buffer& data, const Expr& piece,
                    const Expr& block, const PieceBuffer& out) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const std::vector<int64_t> tile_shape = {s.alpha, s.alpha, s.lanes};
  const Buffer half = MakeBuffer("half", DType::kF32, tile_shape, Scope::kStack);
  const Buffer copy = MakeBuffer("copy", DType::kF32, tile_shape, Scope::kStack);
  const auto one = [&](const Expr& p, const Expr& n, const Expr& row, const Expr& column) {
    const Expr y0 = row * s.m - s.pad_top, x0 = column * s.m - s.pad_left;
    const auto from = [&](const Expr& y, const Expr& x, const Expr& lane) {
      return Load(data, {n, block, y, x, lane});
    };
    const auto store = [&](const Expr& xi, const Expr& lane, Expr value) {
      return Store(out.buffer, out.At({xi, block, p, lane}), std::move(value));
    };
    const Stmt inner = TransformTile(
        s, w, half,
        [&](const Expr& i, const Expr& j, const Expr& lane) { return from(y0 + i, x0 + j, lane); },
        store);
    const Stmt border = TransformTile(
        s, w, half,
        [&](const Expr& i, const Expr& j, const Expr& lane) { return Load(copy, {i, j, lane}); },
        store);
    const Expr whole = And(And(Le(Int(0), y0), Le(y0 + s.alpha, Int(s.height))),
                           And(Le(Int(0), x0), Le(x0 + s.alpha, Int(s.width))));
    return If(whole, inner, Seq({CopyTile(s, copy, y0, x0, from), border}));
  };
  const Stmt tiles = Serially("p", s.piece, [&](const Expr& p) {
    const Expr tile = piece * s.piece + p;
    const Stmt transformed = WithTile(
        s, tile, [&](const Expr& n, const Expr& r, const Expr& c) { return one(p, n, r, c); });
    if (s.tiles() % s.piece == 0) return transformed;
    const Stmt zero = Serially("xi", s.alpha * s.alpha, [&](const Expr& xi) {
      return Lanes(s, [&](const Expr& lane) {
        return Store(out.buffer, out.At({xi, block, p, lane}), Float(0));
      });
    });
    return If(Lt(tile, Int(s.tiles())), transformed, zero);
  });
  return Alloc(half, Alloc(copy, tiles));
}

Stmt MultiplyPiece(const WinogradShape& s, const WinogradTile& tile, const Buffer& weights,
                   const PieceBuffer& input, const Expr& first_block, const Buffer& products) {
  Compute c{.name = "multiply", .inputs = {weights, input.buffer}, .output = products};
  c.axes = {{Var("o"), tile.blocks},
            {Var("xi"), s.alpha * s.alpha},
            {Var("p"), s.piece},
            {Var("lane"), s.lanes}};
  c.reduce = {{Var("ic"), s.in_blocks}, {Var("ici"), s.lanes}};
  c.reducer = Reducer::kSum;
  const Expr o = c.axes[0].var, xi = c.axes[1].var, p = c.axes[2].var, lane = c.axes[3].var;
  const Expr ic = c.reduce[0].var, ici = c.reduce[1].var;
  c.body = Load(input.buffer, input.At({xi, ic, p, ici})) *
           Load(weights, {first_block + o, xi, ic * s.lanes + ici, lane});
  Schedule sch(std::move(c));
  const auto [p_outer, p_tile] = sch.Split(sch.axis(2), tile.columns);
  const auto [ici_outer, ici_tile] = sch.Split(sch.reduce(1), tile.unroll);
  sch.Reorder(
      {sch.axis(1), p_outer, sch.reduce(0), ici_outer, ici_tile, p_tile, sch.axis(0), sch.axis(3)});
  sch.AccumulateAt(2);
  for (const Loop& loop : {ici_tile, p_tile, sch.axis(0)}) sch.Unroll(loop);
  sch.Vectorize(sch.axis(3));
  return sch.Lower().body;
}

WinogradOutput MakeWinogradOutput(const Workload& w, const WinogradShape& s) {
  Compute c{.name = "conv2d"};
  c.axes = {{Var("n"), s.batch},
            {Var("oc"), s.out_blocks},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width},
            {Var("lane"), s.lanes}};
  c.output =
      MakeBuffer("out", DType::kF32, {s.batch, s.out_blocks, s.out_height, s.out_width, s.lanes});
  c.acc = Var("total", DType::kF32);
  FuseEpilogue(w, c.axes[1].var * s.lanes + c.axes[4].var, s.out_blocks * s.lanes, &c);
  return {std::move(c)};
}

Stmt TransformOutput(const WinogradShape& s, const WinogradTile& tile, const Buffer& products,
                     const Expr& piece, const Expr& first_block, const WinogradOutput& output) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const Buffer half = MakeBuffer("folded", DType::kF32, {s.m, s.alpha, s.lanes}, Scope::kStack);
  const Compute& c = output.epilogue;
  const auto store = [&](const std::vector<Expr>& at, const Expr& value) {
    Substitution values{{c.acc.get(), value}};
    for (size_t d = 0; d < at.size(); ++d) values[c.axes[d].var.get()] = at[d];
    return Store(c.output, at, c.result != nullptr ? Substitute(c.result, values) : value);
  };
  // Row i of a tile's pixels, all columns; conditions only where the tile leaves the image.
  const auto row = [&](const Expr& n, const Expr& oc, const Expr& y, const Expr& x0, const Expr& i,
                       bool whole) {
    const auto value = [&](int64_t j, const Expr& lane) {
      Values x;
      for (int64_t k = 0; k < s.alpha; ++k) x.push_back(Load(half, {i, Int(k), lane}));
      return OutputCombinations(w, x)[j];
    };
    std::vector<Stmt> stores;
    if (whole) {
      return Lanes(s, [&](const Expr& lane) {
        for (int64_t j = 0; j < s.m; ++j) {
          stores.push_back(store({n, oc, y, x0 + j, lane}, value(j, lane)));
        }
        return Seq(std::move(stores));
      });
    }
    for (int64_t j = 0; j < s.m; ++j) {
      const Stmt one = Lanes(
          s, [&](const Expr& lane) { return store({n, oc, y, x0 + j, lane}, value(j, lane)); });
      stores.push_back(If(Lt(x0 + j, Int(s.out_width)), one));
    }
    return If(Lt(y, Int(s.out_height)), Seq(std::move(stores)));
  };
  const auto one = [&](const Expr& p, const Expr& o, const Expr& n, const Expr& r, const Expr& q) {
    const Stmt columns = Serially("j", s.alpha, [&](const Expr& j) {
      return Lanes(s, [&](const Expr& lane) {
        Values x;
        for (int64_t k = 0; k < s.alpha; ++k) {
          x.push_back(Load(products, {o, j + k * s.alpha, p, lane}));
        }
        std::vector<Stmt> stores;
        const Values y = OutputCombinations(w, x);
        for (int64_t i = 0; i < s.m; ++i) stores.push_back(Store(half, {Int(i), j, lane}, y[i]));
        return Seq(std::move(stores));
      });
    });
    const Expr y0 = r * s.m, x0 = q * s.m, oc = first_block + o;
    const auto rows = [&](bool whole) {
      return Serially("i", s.m, [&](const Expr& i) { return row(n, oc, y0 + i, x0, i, whole); });
    };
    if (s.out_height % s.m == 0 && s.out_width % s.m == 0) return Seq({columns, rows(true)});
    const Expr whole = And(Le(y0 + s.m, Int(s.out_height)), Le(x0 + s.m, Int(s.out_width)));
    return Seq({columns, If(whole, rows(true), rows(false))});
  };
  const Stmt tiles = Serially("p", s.piece, [&](const Expr& p) {
    const Expr number = piece * s.piece + p;
    const Stmt all = WithTile(s, number, [&](const Expr& n, const Expr& r, const Expr& q) {
      return Serially("o", tile.blocks, [&](const Expr& o) { return one(p, o, n, r, q); });
    });
    return s.tiles() % s.piece == 0 ? all : If(Lt(number, Int(s.tiles())), all);
  });
  return Alloc(half, tiles);
}

}  // namespace tilewright
