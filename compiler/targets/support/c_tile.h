// Tile instructions (compiler/loop/tile.h) in kernel text: a function of each, of inline PTX, and
// calls of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/loop/stmt.h"
#include "compiler/loop/tile.h"
#include "compiler/targets/support/c_expr.h"

namespace tilewright {

// Those that the programs use, each once.
std::vector<const TileOp*> TileOpsOf(std::span<const Program> programs);

// CUDA C++ that defines tw_<name>; no other language has a form of it.
std::string TileFunctionText(const TileOp& op);

// The statement that calls it. REQUIRES: every variable and buffer has a name.
std::string TileCallText(const StmtNode& tile, const CNames& names);

}  // namespace tilewright
