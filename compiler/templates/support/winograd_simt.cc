#include "compiler/templates/support/winograd_simt.h"

#include <functional>
#include <utility>

#include "compiler/loop/simplify.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/store_result.h"
#include "compiler/templates/support/winograd_transforms.h"

namespace tilewright {
namespace {

using Values = std::vector<Expr>;

constexpr int64_t kThreads = 128;

Buffer BufferOf(const char* name, const TensorType& type) {
  return MakeBuffer(name, type.dtype, type.shape);
}

Stmt Unrolled(const char* name, int64_t extent, const std::function<Stmt(const Expr& i)>& body) {
  const Expr i = Var(name);
  return For(i, extent, LoopKind::kUnrolled, body(i));
}

// A thread for each pair (outer, inner); neighbours have neighbouring inner ones.
Program PerPair(Program program, int64_t outer, int64_t inner,
                const std::function<Stmt(const Expr& outer, const Expr& inner)>& body) {
  const int64_t count = outer * inner, threads = std::min(count, kThreads);
  const int64_t blocks = (count + threads - 1) / threads;
  const Expr block = Var("block"), thread = Var("thread");
  const Expr first = Var("first"), second = Var("second");
  const Expr number = block * threads + thread;
  Stmt one = body(first, second);
  one = Let(first, FloorDiv(number, inner), Let(second, FloorMod(number, inner), std::move(one)));
  if (blocks * threads > count) one = If(Lt(number, Int(count)), std::move(one));
  program.body = Simplify(For(block, blocks, ThreadAxis::kBlockX,
                              For(thread, threads, ThreadAxis::kThreadX, std::move(one))));
  return program;
}

// Where tile number `tile` of a channel lies: its image, and its row and column among the image's
// tiles.
struct Place {
  Expr channel;
  Expr image = Var("image"), row = Var("row"), column = Var("column");

  Stmt In(const WinogradShape& s, const Expr& tile, Stmt body) const {
    const Expr rows = FloorDiv(tile, s.tile_columns);
    body = Let(column, FloorMod(tile, s.tile_columns), std::move(body));
    body = Let(row, FloorMod(rows, s.tile_rows), std::move(body));
    return Let(image, FloorDiv(rows, s.tile_rows), std::move(body));
  }
};

// Column `j` of a square in registers, and row `i`.
Values ColumnOf(const Buffer& square, const Expr& j) {
  Values x;
  for (int64_t k = 0; k < square->shape[0]; ++k) x.push_back(Load(square, {Int(k), j}));
  return x;
}
Values RowOf(const Buffer& square, const Expr& i) {
  Values x;
  for (int64_t k = 0; k < square->shape[1]; ++k) x.push_back(Load(square, {i, Int(k)}));
  return x;
}

Buffer Registers(const char* name, int64_t rows, int64_t columns) {
  return MakeBuffer(name, DType::kF32, {rows, columns}, Scope::kRegister);
}

// Zeros where the tile leaves the image.
Stmt ReadTile(const WinogradShape& s, const Buffer& data, const Place& place, const Buffer& tile) {
  return Unrolled("i", s.alpha, [&](const Expr& i) {
    return Unrolled("j", s.alpha, [&](const Expr& j) {
      const Expr y = place.row * s.m + i - s.pad_top, x = place.column * s.m + j - s.pad_left;
      return Store(tile, {i, j},
                   Select(And(Within(y, s.height), Within(x, s.width)),
                          Load(data, {place.image, place.channel, y, x}), Float(0)));
    });
  });
}

// Row `i` of a tile of the output.
struct RowValues {
  Expr i;
  Values values;
};

// Stores it as far as it lies in the image.
Stmt StoreRow(const WinogradShape& s, const Compute& epilogue, const Place& place,
              const RowValues& row) {
  std::vector<Stmt> stores;
  const Expr y = place.row * s.m + row.i;
  for (int64_t j = 0; j < s.m; ++j) {
    const std::vector<Expr> at = {place.image, place.channel, y, place.column * s.m + j};
    Stmt store = StoreResult(epilogue, at, row.values[j]);
    if (s.out_width % s.m != 0) store = If(Lt(at[3], Int(s.out_width)), std::move(store));
    stores.push_back(std::move(store));
  }
  Stmt all = Seq(std::move(stores));
  return s.out_height % s.m == 0 ? all : If(Lt(y, Int(s.out_height)), std::move(all));
}

// The axes and the output of the workload, with its epilogue over the sum.
Compute EpilogueOf(const Workload& w, const WinogradShape& s) {
  Compute c{.name = "winograd"};
  c.axes = {{Var("n"), s.batch},
            {Var("oc"), s.out_blocks},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width}};
  c.output = MakeBuffer("out", DType::kF32, {s.batch, s.out_blocks, s.out_height, s.out_width});
  c.acc = Var("total", DType::kF32);
  FuseEpilogue(w, c.axes[1].var, s.out_blocks, &c);
  return c;
}

}  // namespace

TensorType SimtWeights(const WinogradShape& s) {
  return {DType::kF32, {s.alpha * s.alpha, s.in_blocks, s.out_blocks}};
}

TensorType SimtTiles(const WinogradShape& s) {
  return {DType::kF32, {s.alpha * s.alpha, s.in_blocks, s.tiles()}};
}

TensorType SimtProducts(const WinogradShape& s) {
  return {DType::kF32, {s.alpha * s.alpha, s.out_blocks, s.tiles()}};
}

Compute WinogradProduct(const WinogradShape& s) {
  Compute c{.name = "winograd_product"};
  c.inputs = {BufferOf("weights", SimtWeights(s)), BufferOf("tiles", SimtTiles(s))};
  c.output = BufferOf("products", SimtProducts(s));
  c.axes = {{Var("xi"), s.alpha * s.alpha}, {Var("co"), s.out_blocks}, {Var("p"), s.tiles()}};
  c.reduce = {{Var("ci"), s.in_blocks}};
  c.reducer = Reducer::kSum;
  const std::vector<Expr> at = Vars(c.axes);
  const Expr ci = c.reduce[0].var;
  c.body = Load(c.inputs[0], {at[0], ci, at[1]}) * Load(c.inputs[1], {at[0], ci, at[2]});
  return c;
}

Program TransformWeightsSimt(const WinogradShape& s) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const Buffer weight = MakeBuffer("weight", DType::kF32, {s.out_blocks, s.in_blocks, 3, 3});
  const Buffer out = BufferOf("weights", SimtWeights(s));
  const Buffer taps = Registers("taps", 1, 9);
  return PerPair(
      {.name = "winograd_weights", .params = {weight, out}}, s.in_blocks, s.out_blocks,
      [&](const Expr& ci, const Expr& co) {
        std::vector<Stmt> body;
        for (int64_t tap = 0; tap < 9; ++tap) {
          const Expr g = Load(weight, {co, ci, Int(tap / 3), Int(tap % 3)});
          body.push_back(Store(taps, {Int(0), Int(tap)}, g));
        }
        for (int64_t xi = 0; xi < s.alpha * s.alpha; ++xi) {
          body.push_back(Store(out, {Int(xi), ci, co}, TransformedTap(w, xi, RowOf(taps, Int(0)))));
        }
        return Alloc(taps, Seq(std::move(body)));
      });
}

Program TransformTilesSimt(const WinogradShape& s) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const Buffer data = MakeBuffer("data", DType::kF32, {s.batch, s.in_blocks, s.height, s.width});
  const Buffer out = BufferOf("tiles", SimtTiles(s));
  const Buffer tile = Registers("tile", s.alpha, s.alpha);
  const Buffer half = Registers("half", s.alpha, s.alpha);
  const auto columns = [&](const Expr& j) {
    std::vector<Stmt> stores;
    const Values y = InputCombinations(w, ColumnOf(tile, j));
    for (int64_t i = 0; i < s.alpha; ++i) stores.push_back(Store(half, {Int(i), j}, y[i]));
    return Seq(std::move(stores));
  };
  return PerPair({.name = "winograd_tiles", .params = {data, out}}, s.in_blocks, s.tiles(),
                 [&](const Expr& ci, const Expr& p) {
                   const auto rows = [&](const Expr& i) {
                     std::vector<Stmt> stores;
                     const Values y = InputCombinations(w, RowOf(half, i));
                     for (int64_t j = 0; j < s.alpha; ++j) {
                       stores.push_back(Store(out, {i * s.alpha + j, ci, p}, y[j]));
                     }
                     return Seq(std::move(stores));
                   };
                   const Place place{ci};
                   const Stmt read = place.In(s, p, ReadTile(s, data, place, tile));
                   const Stmt transform = Unrolled("j", s.alpha, columns);
                   const Stmt body = Seq({read, transform, Unrolled("i", s.alpha, rows)});
                   return Alloc(tile, Alloc(half, body));
                 });
}

Program TransformProductsSimt(const Workload& workload, const WinogradShape& s) {
  const WinogradMatrices w = MakeWinogradMatrices(static_cast<int>(s.m));
  const Buffer products = BufferOf("products", SimtProducts(s));
  const Compute epilogue = EpilogueOf(workload, s);
  Program program{.name = "winograd", .params = {products}};
  program.params.insert(program.params.end(), epilogue.inputs.begin(), epilogue.inputs.end());
  program.params.push_back(epilogue.output);
  const Buffer half = Registers("half", s.m, s.alpha);
  return PerPair(std::move(program), s.out_blocks, s.tiles(), [&](const Expr& co, const Expr& p) {
    const auto columns = [&](const Expr& j) {
      Values x;
      for (int64_t k = 0; k < s.alpha; ++k) {
        x.push_back(Load(products, {j + k * s.alpha, co, p}));
      }
      std::vector<Stmt> stores;
      const Values y = OutputCombinations(w, x);
      for (int64_t i = 0; i < s.m; ++i) stores.push_back(Store(half, {Int(i), j}, y[i]));
      return Seq(std::move(stores));
    };
    const Place place{co};
    const auto rows = [&](const Expr& i) {
      return StoreRow(s, epilogue, place, {i, OutputCombinations(w, RowOf(half, i))});
    };
    const Stmt store = place.In(s, p, Unrolled("i", s.m, rows));
    return Alloc(half, Seq({Unrolled("j", s.alpha, columns), store}));
  });
}

}  // namespace tilewright
