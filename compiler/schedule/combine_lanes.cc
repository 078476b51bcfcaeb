#include "compiler/schedule/combine_lanes.h"

#include <utility>

namespace tilewright {

Stmt CombineLanes(Reducer reducer, const Buffer& acc, const std::vector<LoopLeaf>& rows,
                  int64_t lanes) {
  std::vector<Stmt> steps;
  while (lanes > 1) {
    const int64_t half = lanes / 2, kept = lanes - half;
    std::vector<Expr> into;
    for (const LoopLeaf& row : rows) into.push_back(row.var);
    std::vector<Expr> other = into;
    // A register's index is a constant but for vectorised loops.
    const Expr lane = half > 1 ? Var("lane") : Int(0);
    into.push_back(lane);
    other.push_back(lane + kept);
    Stmt step = Store(acc, into, Combine(reducer, Load(acc, into), Load(acc, other)));
    if (half > 1) step = For(lane, half, LoopKind::kVectorized, std::move(step));
    for (size_t i = rows.size(); i-- > 0;) {
      step = For(rows[i].var, rows[i].extent, rows[i].kind, std::move(step));
    }
    steps.push_back(std::move(step));
    lanes = kept;
  }
  return Seq(std::move(steps));
}

}  // namespace tilewright
