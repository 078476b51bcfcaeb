#include "compiler/templates/support/winograd_stages.h"

#include <bit>
#include <functional>

#include "compiler/core/layout.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/narrow_words.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/winograd_loops.h"
#include "compiler/templates/support/winograd_transforms.h"

namespace tilewright {
namespace {

using Values = std::vector<Expr>;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// In another type only where it is one.
Expr As(DType dtype, Expr value) {
  return value->dtype == dtype ? value : Cast(std::move(value), dtype);
}

// Both passes of BT d B over one tile: columns into `half`, then rows to the output.
Stmt TransformTile(
    const TilePasses& passes,
    const std::function<Expr(const Expr& row, const Expr& column, const Expr& lane)>& input,
    const std::function<Stmt(const Expr& xi, const Expr& lane, Expr value)>& store) {
  const WinogradShape& s = passes.shape;
  const WinogradMatrices& w = passes.matrices;
  const Buffer& half = passes.half;
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

// The most input channels whose output, of uint8 by int8, fits the bits that are left when what is
// divisor^2 times as large is known modulo 2^32.
int64_t MostChannels(const WinogradMatrices& w) {
  const auto square = static_cast<uint64_t>(w.divisor * w.divisor);
  const int64_t limit = (int64_t{1} << (31 - std::countr_zero(square))) - 1;
  return limit / (int64_t{9} * 255 * 128);
}

// Of a tile in the image.
struct Corner {
  Expr row, column;
};

// A tile at the border, copied with zeros where it leaves the image.
Stmt CopyTile(const WinogradShape& s, const Buffer& copy, const Corner& corner,
              const std::function<Expr(const Expr& y, const Expr& x, const Expr& lane)>& data) {
  return Serially("i", s.alpha, [&](const Expr& i) {
    return Serially("j", s.alpha, [&](const Expr& j) {
      const Expr y = corner.row + i, x = corner.column + j;
      const Stmt inside =
          Lanes(s, [&](const Expr& lane) { return Store(copy, {i, j, lane}, data(y, x, lane)); });
      const Stmt outside = Lanes(
          s, [&](const Expr& lane) { return Store(copy, {i, j, lane}, Const(0, copy->dtype)); });
      return If(And(Within(y, s.height), Within(x, s.width)), inside, outside);
    });
  });
}

// In the place of a tile that the last piece has no more.
Stmt ZeroTile(const WinogradShape& s, const Expr& block, const Expr& p, const PieceBuffer& out) {
  return Serially("xi", s.alpha * s.alpha, [&](const Expr& xi) {
    return Lanes(s, [&](const Expr& lane) {
      return Store(out.buffer, out.At({xi, block, p, lane}), Const(0, out.buffer->dtype));
    });
  });
}

}  // namespace

WinogradShape WinogradShapeOf(const Workload& w, int64_t m, int64_t piece,
                              const WinogradArithmetic& types) {
  const Shape& data = w.inputs[0].shape;
  const Shape out = OutputShape(w);
  const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
  WinogradShape s{.batch = data[0],
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
                  .piece = piece,
                  .types = types};
  s.chunk = s.in_blocks;
  if (types.whole()) {
    s.chunk = Divisors(s.in_blocks, MostChannels(MatricesOf(s)) / lanes).back();
  }
  return s;
}

TensorType TransformedWeights(const WinogradShape& s) {
  return {s.types.per_word > 1 ? DType::kI32 : s.types.transformed,
          {s.out_blocks, s.alpha * s.alpha, s.in_blocks * s.words(), s.lanes}};
}

std::vector<int64_t> TransformedPiece(const WinogradShape& s) {
  return {s.alpha * s.alpha, s.in_blocks, s.piece, s.lanes};
}

std::vector<int64_t> ProductsOfPiece(const WinogradShape& s, const WinogradTile& tile) {
  return {tile.blocks, s.alpha * s.alpha, s.piece, s.lanes};
}

Program TransformWeights(const WinogradShape& s) {
  const WinogradMatrices w = MatricesOf(s);
  const Buffer weight =
      MakeBuffer("weight", s.types.weight, {s.out_blocks, s.in_blocks, 3, 3, s.lanes, s.lanes});
  const TensorType type = TransformedWeights(s);
  const Buffer out = MakeBuffer("transformed", type.dtype, type.shape);
  const Expr oc = Var("oc");
  const auto transformed = [&](int64_t xi, const Expr& ic, const Expr& ici, const Expr& lane) {
    Values taps;
    for (int64_t tap = 0; tap < 9; ++tap) {
      const Expr g = Load(weight, {oc, ic, Int(tap / 3), Int(tap % 3), ici, lane});
      taps.push_back(Cast(g, s.types.whole() ? DType::kI32 : DType::kF64));
    }
    return Cast(TransformedTap(w, xi, taps), s.types.transformed);
  };
  const auto word = [&](const Expr& ic, const Expr& ici, const Expr& lane) {
    std::vector<Stmt> stores;
    for (int64_t xi = 0; xi < s.alpha * s.alpha; ++xi) {
      Values parts;
      for (int64_t i = 0; i < s.types.per_word; ++i) {
        parts.push_back(transformed(xi, ic, ici * s.types.per_word + i, lane));
      }
      stores.push_back(Store(out, {oc, Int(xi), ic * s.words() + ici, lane},
                             s.types.per_word > 1 ? WordOf(parts) : parts[0]));
    }
    return Seq(std::move(stores));
  };
  const Stmt body = Serially("ic", s.in_blocks, [&](const Expr& ic) {
    return Serially("ici", s.words(), [&](const Expr& ici) {
      return Lanes(s, [&](const Expr& lane) { return word(ic, ici, lane); });
    });
  });
  return {.name = "winograd_weights",
          .params = {weight, out},
          .body = For(oc, s.out_blocks, LoopKind::kParallel, body)};
}

Stmt TransformInput(const WinogradShape& s, const Buffer& data, const InputPart& part,
                    const PieceBuffer& out) {
  const Expr &piece = part.piece, &block = part.block;
  const std::vector<int64_t> tile_shape = {s.alpha, s.alpha, s.lanes};
  const Buffer half = MakeBuffer("half", s.types.input(), tile_shape, Scope::kStack);
  const TilePasses passes{s, MatricesOf(s), half};
  const Buffer copy = MakeBuffer("copy", s.types.data, tile_shape, Scope::kStack);
  const auto one = [&](const Expr& p, const Expr& n, const Expr& row, const Expr& column) {
    const Expr y0 = row * s.m - s.pad_top, x0 = column * s.m - s.pad_left;
    const auto from = [&](const Expr& y, const Expr& x, const Expr& lane) {
      return Load(data, {n, block, y, x, lane});
    };
    const auto as_input = [&](Expr value) { return As(s.types.input(), std::move(value)); };
    const auto store = [&](const Expr& xi, const Expr& lane, Expr value) {
      return Store(out.buffer, out.At({xi, block, p, lane}),
                   As(out.buffer->dtype, std::move(value)));
    };
    const Stmt inner = TransformTile(
        passes,
        [&](const Expr& i, const Expr& j, const Expr& lane) {
          return as_input(from(y0 + i, x0 + j, lane));
        },
        store);
    const Stmt border = TransformTile(
        passes,
        [&](const Expr& i, const Expr& j, const Expr& lane) {
          return as_input(Load(copy, {i, j, lane}));
        },
        store);
    const Expr whole = And(And(Le(Int(0), y0), Le(y0 + s.alpha, Int(s.height))),
                           And(Le(Int(0), x0), Le(x0 + s.alpha, Int(s.width))));
    return If(whole, inner, Seq({CopyTile(s, copy, {y0, x0}, from), border}));
  };
  const Stmt tiles = Serially("p", s.piece, [&](const Expr& p) {
    const Expr tile = piece * s.piece + p;
    const Stmt transformed = WithTile(
        s, tile, [&](const Expr& n, const Expr& r, const Expr& c) { return one(p, n, r, c); });
    if (s.tiles() % s.piece == 0) return transformed;
    return If(Lt(tile, Int(s.tiles())), transformed, ZeroTile(s, block, p, out));
  });
  return Alloc(half, Alloc(copy, tiles));
}

Stmt MultiplyPiece(const WinogradShape& s, const WinogradTile& tile, const PieceFactors& factors,
                   const Buffer& products) {
  const auto& [weights, input, first_block, chunk] = factors;
  Compute c{.name = "multiply", .inputs = {weights, input.buffer}, .output = products};
  c.axes = {{Var("o"), tile.blocks},
            {Var("xi"), s.alpha * s.alpha},
            {Var("p"), s.piece},
            {Var("lane"), s.lanes}};
  c.reduce = {{Var("ic"), s.chunk}, {Var("ici"), s.words()}};
  c.reducer = Reducer::kSum;
  const Expr o = c.axes[0].var, xi = c.axes[1].var, p = c.axes[2].var, lane = c.axes[3].var;
  const Expr ic = chunk * s.chunk + c.reduce[0].var, ici = c.reduce[1].var;
  const Expr weight = Load(weights, {first_block + o, xi, ic * s.words() + ici, lane});
  const std::vector<Expr> at = input.At({xi, ic, p, ici});
  const int64_t per_word = s.types.per_word;
  c.body = per_word == 1 ? Load(input.buffer, at) * weight
                         : DotOfWords(s.types.transformed, per_word,
                                      WordAt(input.buffer, at, at.size() - 1, per_word), weight);
  Schedule sch(std::move(c));
  const auto [p_outer, p_tile] = sch.Split(sch.axis(2), tile.columns);
  const auto [ici_outer, ici_tile] = sch.Split(sch.reduce(1), tile.unroll);
  sch.Reorder(
      {sch.axis(1), p_outer, sch.reduce(0), ici_outer, ici_tile, p_tile, sch.axis(0), sch.axis(3)});
  sch.AccumulateAt(2);
  if (tile.prefetch) sch.PrefetchNext(/*input=*/0, /*outer_count=*/1);
  for (const Loop& loop : {ici_tile, p_tile, sch.axis(0)}) sch.Unroll(loop);
  sch.Vectorize(sch.axis(3));
  return sch.Lower().body;
}

}  // namespace tilewright
