// What Verify asks of memory that is filled asynchronously: of stores that land later, and of a
// pipeline's slots (kPipeline, loop/stmt.h). Values; thread-safe.
#pragma once

#include <string>

#include "compiler/loop/stmt.h"

namespace tilewright {

// What is wrong with an asynchronous store, or "": it must be to shared memory, from inputs alone,
// so that nothing that it reads changes before it lands.
std::string WrongInAsyncStore(const StmtNode& store, const Program& program);

// The same of a wait: it must be for a constant number of groups.
std::string WrongInAsyncWait(const StmtNode& wait);

// What no tensor map or matrix descriptor can say of the tile's operands, or "": a slot
// has a multiple of 8 rows of 128 bytes, which are named from their first element; a box is of an
// input of 2 to 5 dimensions with rows of multiples of 16 bytes, has at most 256 elements along
// each and is named from its first. Source: CUDA driver API, cuTensorMapEncodeTiled; PTX ISA,
// "Asynchronous Warpgroup Level Matrix Shared Memory Layout". REQUIRES: operands are loads, as
// many as the instruction has.
std::string WrongInSlots(const StmtNode& tile, const Program& program);

}  // namespace tilewright
