#include "compiler/schedule/parallel_loops.h"

#include <algorithm>
#include <utility>

namespace tilewright {

int ParallelLoops(const std::vector<Axis>& loops, int64_t work) {
  int64_t iterations = 1;
  size_t count = 0;
  while (count < loops.size() && iterations < kParallelIterations) {
    const int64_t next = iterations * loops[count].extent;
    if (work / std::max<int64_t>(next, 1) < kParallelGrain) break;
    iterations = next;
    ++count;
  }
  return iterations > 1 ? static_cast<int>(count) : 0;
}

Stmt ParallelNest(const std::vector<Axis>& loops, int64_t work, Stmt body) {
  const size_t parallel = ParallelLoops(loops, work);
  for (size_t i = loops.size(); i-- > parallel;) {
    body = For(loops[i].var, loops[i].extent, LoopKind::kSerial, std::move(body));
  }
  if (parallel == 0) return body;
  const Expr index = Var("p");
  int64_t inner = 1;
  for (size_t i = parallel; i-- > 0; inner *= loops[i].extent) {
    const Expr at = FloorDiv(index, inner);
    body = Let(loops[i].var, i == 0 ? at : FloorMod(at, loops[i].extent), std::move(body));
  }
  return For(index, inner, LoopKind::kParallel, std::move(body));
}

}  // namespace tilewright
