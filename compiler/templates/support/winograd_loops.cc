#include "compiler/templates/support/winograd_loops.h"

#include "compiler/templates/support/winograd_transforms.h"

namespace tilewright {

Stmt Lanes(const WinogradShape& s, const std::function<Stmt(const Expr& lane)>& body) {
  const Expr lane = Var("lane");
  return For(lane, s.lanes, LoopKind::kVectorized, body(lane));
}

Stmt Serially(const char* name, int64_t extent, const std::function<Stmt(const Expr& i)>& body) {
  const Expr i = Var(name);
  return For(i, extent, LoopKind::kSerial, body(i));
}

Stmt WithTile(const WinogradShape& s, const Expr& tile,
              const std::function<Stmt(const Expr& n, const Expr& row, const Expr& column)>& body) {
  const Expr n = Var("n"), row = Var("tile_row"), column = Var("tile_column");
  const int64_t per_image = s.tile_rows * s.tile_columns;
  Stmt inside = body(n, row, column);
  inside = Let(column, FloorMod(tile, s.tile_columns), std::move(inside));
  inside = Let(row, FloorMod(FloorDiv(tile, s.tile_columns), s.tile_rows), std::move(inside));
  return Let(n, FloorDiv(tile, per_image), std::move(inside));
}

WinogradMatrices MatricesOf(const WinogradShape& s) {
  const int m = static_cast<int>(s.m);
  return s.types.whole() ? MakeWholeWinogradMatrices(m) : MakeWinogradMatrices(m);
}

}  // namespace tilewright
