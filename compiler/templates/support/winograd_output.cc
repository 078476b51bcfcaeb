// The last stages: products are transformed back, divided where they are whole numbers, and stored.
#include <bit>

#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/store_result.h"
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
Values OutputRow(const TilePasses& passes, const Expr& i, const Expr& lane) {
  const auto& [s, w, half] = passes;
  Values x;
  for (int64_t k = 0; k < s.alpha; ++k) x.push_back(Load(half, {i, Int(k), lane}));
  Values y = OutputCombinations(w, x);
  if (!s.types.whole()) return y;
  for (Expr& value : y) value = DividedExactly(value, w.divisor * w.divisor);
  return y;
}

// The columns of tile p of output block o, transformed into `half` [m, alpha, lanes].
Stmt TransformColumns(const TilePasses& passes, const Buffer& products, const Expr& o,
                      const Expr& p) {
  const WinogradShape& s = passes.shape;
  const Buffer& half = passes.half;
  return Serially("j", s.alpha, [&](const Expr& j) {
    return Lanes(s, [&](const Expr& lane) {
      Values x;
      for (int64_t k = 0; k < s.alpha; ++k) {
        x.push_back(Load(products, {o, j + k * s.alpha, p, lane}));
      }
      std::vector<Stmt> stores;
      const Values y = OutputCombinations(passes.matrices, x);
      for (int64_t i = 0; i < s.m; ++i) stores.push_back(Store(half, {Int(i), j, lane}, y[i]));
      return Seq(std::move(stores));
    });
  });
}

TilePasses PassesOf(const WinogradShape& s) {
  return {s, MatricesOf(s),
          MakeBuffer("folded", s.types.output(), {s.m, s.alpha, s.lanes}, Scope::kStack)};
}

// The last stage of one piece: conditions only where a tile may leave the image.
class OutputTransform {
 public:
  OutputTransform(const WinogradShape& s, const PieceOutput& output, const Compute& epilogue)
      : s_(s), output_(output), epilogue_(epilogue), passes_(PassesOf(s)) {}

  Stmt Piece(int64_t blocks) const {
    const Stmt tiles = Serially("p", s_.piece, [&](const Expr& p) {
      const Expr number = output_.piece * s_.piece + p;
      const Stmt all = WithTile(s_, number, [&](const Expr& n, const Expr& r, const Expr& q) {
        return Serially("o", blocks, [&](const Expr& o) {
          return Tile({.p = p, .o = o, .n = n, .y = r * s_.m, .x = q * s_.m});
        });
      });
      return s_.tiles() % s_.piece == 0 ? all : If(Lt(number, Int(s_.tiles())), all);
    });
    return Alloc(passes_.half, tiles);
  }

 private:
  // Tile p of the piece and output block o: of image n, from row y and column x on.
  struct Place {
    Expr p, o, n, y, x;
  };

  Stmt Tile(const Place& at) const {
    const Stmt columns = TransformColumns(passes_, output_.products, at.o, at.p);
    const auto rows = [&](bool whole) {
      return Serially("i", s_.m,
                      [&](const Expr& i) { return whole ? WholeRow(at, i) : CutRow(at, i); });
    };
    if (s_.out_height % s_.m == 0 && s_.out_width % s_.m == 0) return Seq({columns, rows(true)});
    const Expr whole = And(Le(at.y + s_.m, Int(s_.out_height)), Le(at.x + s_.m, Int(s_.out_width)));
    return Seq({columns, If(whole, rows(true), rows(false))});
  }

  Stmt WholeRow(const Place& at, const Expr& i) const {
    return Lanes(s_, [&](const Expr& lane) {
      std::vector<Stmt> stores;
      for (int64_t j = 0; j < s_.m; ++j) stores.push_back(StorePixel(at, i, j, lane));
      return Seq(std::move(stores));
    });
  }

  Stmt CutRow(const Place& at, const Expr& i) const {
    std::vector<Stmt> stores;
    for (int64_t j = 0; j < s_.m; ++j) {
      const Stmt one = Lanes(s_, [&](const Expr& lane) { return StorePixel(at, i, j, lane); });
      stores.push_back(If(Lt(at.x + j, Int(s_.out_width)), one));
    }
    return If(Lt(at.y + i, Int(s_.out_height)), Seq(std::move(stores)));
  }

  // Pixel (i, j) of a tile, after the epilogue.
  Stmt StorePixel(const Place& at, const Expr& i, int64_t j, const Expr& lane) const {
    Expr value = OutputRow(passes_, i, lane)[j];
    const Buffer& sums = output_.sums;
    if (sums != nullptr) value = value + Load(sums, {at.o, at.p, i, Int(j), lane});
    const std::vector<Expr> pixel = {at.n, output_.first_block + at.o, at.y + i, at.x + j, lane};
    return StoreResult(epilogue_, pixel, value);
  }

  const WinogradShape& s_;
  const PieceOutput& output_;
  const Compute& epilogue_;
  const TilePasses passes_;
};

}  // namespace

std::vector<int64_t> SumsOfPiece(const WinogradShape& s, const WinogradTile& tile) {
  return {tile.blocks, s.piece, s.m, s.m, s.lanes};
}

Compute WinogradEpilogue(const Workload& w, const WinogradShape& s) {
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
  return c;
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
  const TilePasses passes = PassesOf(s);
  const auto row = [&](const Expr& o, const Expr& p, const Expr& i, const Expr& lane) {
    const Values y = OutputRow(passes, i, lane);
    std::vector<Stmt> stores;
    for (int64_t j = 0; j < s.m; ++j) {
      const std::vector<Expr> at = {o, p, i, Int(j), lane};
      stores.push_back(Store(sums, at, Load(sums, at) + y[j]));
    }
    return Seq(std::move(stores));
  };
  return Alloc(passes.half, Serially("p", s.piece, [&](const Expr& p) {
                 return Serially("o", tile.blocks, [&](const Expr& o) {
                   const Stmt rows = Serially("i", s.m, [&](const Expr& i) {
                     return Lanes(s, [&](const Expr& lane) { return row(o, p, i, lane); });
                   });
                   return Seq({TransformColumns(passes, products, o, p), rows});
                 });
               }));
}

Stmt TransformOutput(const WinogradShape& shape, const WinogradTile& tile,
                     const PieceOutput& output, const Compute& epilogue) {
  return OutputTransform(shape, output, epilogue).Piece(tile.blocks);
}

}  // namespace tilewright
