#include "compiler/loop/unroll.h"

#include "compiler/loop/rewrite_stmt.h"

namespace tilewright {

Program UnrollLoops(const Program& program) {
  Program unrolled = program;
  unrolled.body = SimplifyStmt(program.body, {}, /*unroll=*/true);
  return unrolled;
}

}  // namespace tilewright
