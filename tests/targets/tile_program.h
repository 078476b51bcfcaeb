// A program around one tile instruction, whichever it is, from its description alone.
#pragma once

#include <string>

#include "compiler/loop/stmt.h"
#include "compiler/loop/tile.h"

namespace tilewright {

// The threads of one instruction take their elements of each operand from an argument: of registers
// [threads, elements], of shared memory the matrix. What the first operand then is goes to the last
// argument. A warpgroup's matrices come by loads of boxes; of such a load it is the program of a
// warpgroup's first instruction on its type.
Program TileProgram(const TileOp& op, const std::string& name);

// That instruction itself, or the one whose operands the load brings.
const TileOp& UserOf(const TileOp& op);

}  // namespace tilewright
