#include "compiler/schedule/part_sums.h"

#include <utility>

namespace tilewright {

PartSums::PartSums(const Compute& compute, DType sums, int64_t parts) : shape_{parts} {
  for (const Axis& axis : compute.axes) shape_.push_back(axis.extent);
  partial_ = MakeBuffer("partial", sums, shape_);
}

void PartSums::SetBlocks(Expr part, Expr tile, int64_t tiles) {
  part_ = std::move(part);
  tile_ = std::move(tile);
  counters_ = MakeBuffer("counters", DType::kI32, {tiles});
}

void PartSums::AddTo(Program* program) const {
  program->params.push_back(partial_);
  program->params.push_back(counters_);
  program->written = 3;
}

Stmt PartSums::Leave(const std::vector<Expr>& axes, const Expr& sum) const {
  std::vector<Expr> at = axes;
  at.insert(at.begin(), part_);
  return Store(partial_, std::move(at), sum);
}

Expr PartSums::Of(const Expr& part, const std::vector<Expr>& axes) const {
  std::vector<Expr> at = axes;
  at.insert(at.begin(), part);
  return Load(partial_, std::move(at));
}

Stmt PartSums::InLastBlock(Stmt leave, Stmt zero, const std::function<Stmt(const Expr& part)>& add,
                           Stmt results) const {
  const Expr part = Var("part");
  const int64_t parts = shape_[0];
  Stmt all = For(part, parts, LoopKind::kSerial, add(part));
  Stmt last = Seq({std::move(zero), std::move(all), std::move(results)});
  return Seq({std::move(leave), LastBlock(counters_, {tile_}, parts, std::move(last))});
}

}  // namespace tilewright
