// The last stages: products are transformed back, divided where they are whole numbers, and stored.
#include <bit>

#include "compiler/loop/visit.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/winograd_loops.h"
#include "compiler/templates/support/winograd_stages.h"
#include "compiler/templates/support/winograd_transforms.h"

namespace tilewright {
namespace {

using Values = std::vector<Expr>;

// x, which is `square` times an int32 modulo 2^32, divided by it.
Expr DividedExactly(const Expr& x, int64_t square) {
  const int twos = std::countr_zero(static_cast<uint64_t>(square));
  const auto odd = static_cast<uint32_t>(square >> twos);
  uint32_t inverse = odd;  // modulo 8; each step doubles the bits (Newton)
  for (int step = 0; step < 4; ++step) inverse *= 2 - odd * inverse;
  const Expr by = Int(static_cast<int32_t>(inverse), DType::kI32);
  const Expr whole = inverse == 1 ? x : x * by;
  return twos == 0 ? whole : Call("shr", {whole, Int(twos, DType::kI32)}, DType::kI32);
}

// The outputs of one row of a tile whose columns are transformed, from the row's alpha values.
Values OutputRow(const WinogradShape& s, const WinogradMatrices& w, const Buffer& half,
                 const Expr& i, const Expr& lane) {
  Values x;
  for (int64_t k = 0; k < s.alpha; ++k) x.push_back(Load(half, {i, Int(k), lane}));
  Values y = OutputCombinations(w, x);
  if (!s.types.whole()) return y;
  for (Expr& value : y) value = DividedExactly(value, w.divisor * w.divisor);
  return y;
}

// The columns of tile p of output block o, transformed into `half` [m, alpha, lanes].
Stmt TransformColumns(const WinogradShape& s, const WinogradMatrices& w, const Buffer& products,
                      const Expr& o, const Expr& p, const Buffer& half) {
  return Serially("j", s.alpha, [&](const Expr& j) {
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
}

Buffer Folded(const WinogradShape& s) {
  return MakeBuffer("folded", s.types.output(), {s.m, s.alpha, s.lanes}, Scope::kStack);
}

}  // namespace

std::vector<int64_t> SumsOfPiece(const WinogradShape& s, const WinogradTile& tile) {
  return {tile.blocks, s.piece, s.m, s.m, s.lanes};
}

WinogradOutput MakeWinogradOutput(const Workload& w, const WinogradShape& s) {
  Compute c{.name = "conv2d"};
  c.axes = {{Var("n"), s.batch},
            {Var("oc"), s.out_blocks},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width},
            {Var("lane"), s.lanes}};
  c.output = MakeBuffer("out", OutputTypeOf(w),
                        {s.batch, s.out_blocks, s.out_height, s.out_width, s.lanes});
  c.acc = Var("total", AccumulatorOf(w));
  FuseEpilogue(w, c.axes[1].var * s.lanes + c.axes[4].var, s.out_blocks * s.lanes, &c);
  return {std::move(c)};
}

Stmt ClearSums(const WinogradShape& s, const WinogradTile& tile, const Buffer& sums) {
  return Serially("o", tile.blocks, [&](const Expr& o) {
    return Serially("p", s.piece, [&](const Expr& p) {
      return Serially("pixel", s.m * s.m, [&](const Expr& pixel) {
        return Lanes(s, [&](const Expr& lane) {
          const std::vector<Expr> at = {o, p, FloorDiv(pixel, s.m), FloorMod(pixel, s.m), lane};
          return Store(sums, at, Const(0, sums->dtype));
        });
      });
    });
  });
}

Stmt AddOutput(const WinogradShape& s, const WinogradTile& tile, const Buffer& products,
               const Buffer& sums) {
  const WinogradMatrices w = MatricesOf(s);
  const Buffer half = Folded(s);
  const auto row = [&](const Expr& o, const Expr& p, const Expr& i, const Expr& lane) {
    const Values y = OutputRow(s, w, half, i, lane);
    std::vector<Stmt> stores;
    for (int64_t j = 0; j < s.m; ++j) {
      const std::vector<Expr> at = {o, p, i, Int(j), lane};
      stores.push_back(Store(sums, at, Load(sums, at) + y[j]));
    }
    return Seq(std::move(stores));
  };
  return Alloc(half, Serially("p", s.piece, [&](const Expr& p) {
                 return Serially("o", tile.blocks, [&](const Expr& o) {
                   const Stmt rows = Serially("i", s.m, [&](const Expr& i) {
                     return Lanes(s, [&](const Expr& lane) { return row(o, p, i, lane); });
                   });
                   return Seq({TransformColumns(s, w, products, o, p, half), rows});
                 });
               }));
}

Stmt TransformOutput(const WinogradShape& s, const WinogradTile& tile, const Buffer& products,
                     const Buffer& sums, const Expr& piece, const Expr& first_block,
                     const WinogradOutput& output) {
  const WinogradMatrices w = MatricesOf(s);
  const Buffer half = Folded(s);
  const Compute& c = output.epilogue;
  const auto store = [&](const std::vector<Expr>& at, const Expr& value) {
    Substitution values{{c.acc.get(), value}};
    for (size_t d = 0; d < at.size(); ++d) values[c.axes[d].var.get()] = at[d];
    return Store(c.output, at, c.result != nullptr ? Substitute(c.result, values) : value);
  };
  // Row i of a tile's pixels, all columns; conditions only where the tile leaves the image.
  const auto row = [&](const Expr& p, const Expr& o, const Expr& n, const Expr& y, const Expr& x0,
                       const Expr& i, bool whole) {
    const Expr oc = first_block + o;
    const auto value = [&](int64_t j, const Expr& lane) {
      const Expr last = OutputRow(s, w, half, i, lane)[j];
      return sums == nullptr ? last : last + Load(sums, {o, p, i, Int(j), lane});
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
    const Stmt columns = TransformColumns(s, w, products, o, p, half);
    const Expr y0 = r * s.m, x0 = q * s.m;
    const auto rows = [&](bool whole) {
      return Serially("i", s.m, [&](const Expr& i) { return row(p, o, n, y0 + i, x0, i, whole); });
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
