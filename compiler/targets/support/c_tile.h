// Tile instructions (compiler/loop/tile.h) in kernel text: the function of each, and calls of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "compiler/core/target.h"
#include "compiler/loop/stmt.h"
#include "compiler/loop/tile.h"
#include "compiler/targets/support/c_expr.h"
#include "runtime/device/device_kind.h"

namespace tilewright {

// Those that the programs use, each once.
std::vector<const TileOp*> TileOpsOf(std::span<const Program> programs);

// FailedPrecondition names the first that the target's architecture has not.
absl::Status CheckTileOps(std::span<const Program> programs, const Target& target);

// The definition of tw_<name>. REQUIRES: the language has a form.
const std::string& TileFunctionText(const TileOp& op, runtime::TileForm form);

// The statement that calls it; of those that do not load boxes. REQUIRES: every variable and buffer
// has a name.
std::string TileCallText(const StmtNode& tile, const CNames& names);

}  // namespace tilewright
