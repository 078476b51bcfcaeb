// Copies of elements as they are, several at once where they lie side by side. Used only by
// c_text.cc.
#pragma once

#include <string>

#include "compiler/loop/stmt.h"
#include "compiler/targets/support/c_expr.h"

namespace tilewright {

// Whether the text aligns the buffer's start to 16 bytes: what copies and tiles take whole.
bool IsAligned(const BufferNode& buffer);

// A vectorised loop whose one store takes from loads, zeros and choices between them, as one
// assignment of 2, 4, 8 or 16 bytes: "" unless both sides provably lie side by side and start at a
// multiple of those bytes from their buffers' starts, which are aligned to 16. An asynchronous
// store of 4 bytes or more is an asynchronous copy; others land at once.
std::string VectorCopyText(const StmtNode& loop, const CNames& names);

}  // namespace tilewright
