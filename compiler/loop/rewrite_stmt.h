// The walk behind Simplify(Stmt) and UnrollLoops. Used only inside compiler/loop.
#pragma once

#include "compiler/loop/simplify.h"

namespace tilewright {

// Simplifies every expression and every decided or trivial statement; with `unroll`, kUnrolled
// loops of constant extent become copies of their bodies on the way.
Stmt SimplifyStmt(const Stmt& s, const Ranges& ranges, bool unroll);

}  // namespace tilewright
