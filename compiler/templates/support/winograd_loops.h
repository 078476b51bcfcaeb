// Loops that the stages of a Winograd convolution on CPUs have in common.
#pragma once

#include <functional>

#include "compiler/loop/stmt.h"
#include "compiler/templates/support/winograd_matrices.h"
#include "compiler/templates/support/winograd_stages.h"

namespace tilewright {

// `body` for the lanes of a vector, or for i below `extent`, one after the other.
Stmt Lanes(const WinogradShape& shape, const std::function<Stmt(const Expr& lane)>& body);
Stmt Serially(const char* name, int64_t extent, const std::function<Stmt(const Expr& i)>& body);

// Binds image, tile row and tile column of tile number `tile`.
Stmt WithTile(const WinogradShape& shape, const Expr& tile,
              const std::function<Stmt(const Expr& n, const Expr& row, const Expr& column)>& body);

// Those of the shape's arithmetic.
WinogradMatrices MatricesOf(const WinogradShape& shape);

// The two passes of a tile's transform, columns and rows, and what lies between them: [m or alpha,
// alpha, lanes].
struct TilePasses {
  const WinogradShape& shape;
  WinogradMatrices matrices;
  Buffer half;
};

}  // namespace tilewright
