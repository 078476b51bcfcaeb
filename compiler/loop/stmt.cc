#include "compiler/loop/stmt.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tilewright {
namespace {

Stmt Make(StmtNode node) { return std::make_shared<const StmtNode>(std::move(node)); }

void Flatten(Stmt s, std::vector<Stmt>* out) {
  if (s == nullptr) return;
  if (s->kind != StmtKind::kSeq) {
    out->push_back(std::move(s));
    return;
  }
  for (const Stmt& item : s->body) Flatten(item, out);
}

}  // namespace

Stmt For(Expr var, LoopRange range, LoopKind loop, Stmt body) {
  TW_CHECK(var->kind == ExprKind::kVar) << "a loop needs a variable";
  return Make({.kind = StmtKind::kFor,
               .var = std::move(var),
               .min = std::move(range.min),
               .extent = std::move(range.extent),
               .loop = loop,
               .body = {std::move(body)}});
}

Stmt For(Expr var, int64_t extent, LoopKind loop, Stmt body) {
  return For(std::move(var), {Int(0), Int(extent)}, loop, std::move(body));
}

Stmt For(Expr var, int64_t extent, ThreadAxis axis, Stmt body) {
  StmtNode node = *For(std::move(var), extent, LoopKind::kSerial, std::move(body));
  node.axis = axis;
  return Make(std::move(node));
}

Stmt Let(Expr var, Expr value, Stmt body) {
  return For(std::move(var), {std::move(value), Int(1)}, LoopKind::kSerial, std::move(body));
}

Stmt Store(Buffer buffer, std::vector<Expr> indices, Expr value) {
  TW_CHECK(indices.size() == buffer->shape.size()) << "store to " << buffer->name;
  return Make({.kind = StmtKind::kStore,
               .buffer = std::move(buffer),
               .indices = std::move(indices),
               .value = std::move(value)});
}

Stmt AtomicAdd(Buffer buffer, std::vector<Expr> indices, Expr value) {
  StmtNode node = *Store(std::move(buffer), std::move(indices), std::move(value));
  node.kind = StmtKind::kAtomicAdd;
  return Make(std::move(node));
}

Stmt AsyncStore(Buffer buffer, std::vector<Expr> indices, Expr value) {
  StmtNode node = *Store(std::move(buffer), std::move(indices), std::move(value));
  node.async = true;
  return Make(std::move(node));
}

Stmt AsyncCommit() { return Make({.kind = StmtKind::kAsyncCommit}); }

Stmt AsyncWait(int64_t groups) {
  return Make({.kind = StmtKind::kAsyncWait, .extent = Int(groups)});
}

Stmt If(Expr condition, Stmt yes, Stmt no) {
  std::vector<Stmt> body = {std::move(yes)};
  if (no != nullptr) body.push_back(std::move(no));
  return Make({.kind = StmtKind::kIf, .condition = std::move(condition), .body = std::move(body)});
}

Stmt Seq(std::vector<Stmt> body) {
  std::vector<Stmt> flat;
  flat.reserve(body.size());
  for (Stmt& s : body) Flatten(std::move(s), &flat);
  if (flat.size() == 1) return flat.front();
  return Make({.kind = StmtKind::kSeq, .body = std::move(flat)});
}

Stmt Alloc(Buffer buffer, Stmt body) {
  return Make({.kind = StmtKind::kAlloc, .buffer = std::move(buffer), .body = {std::move(body)}});
}

Stmt Prefetch(Buffer buffer, Expr element) {
  return Make(
      {.kind = StmtKind::kPrefetch, .buffer = std::move(buffer), .value = std::move(element)});
}

Stmt Barrier() { return Make({.kind = StmtKind::kBarrier}); }

Stmt TileStmt(const TileOp& op, std::vector<Expr> operands) {
  return Make({.kind = StmtKind::kTile, .tile = &op, .operands = std::move(operands)});
}

Stmt Pipeline(Expr var, int64_t extent, int64_t slots, SlotSteps steps) {
  TW_CHECK(var->kind == ExprKind::kVar && slots > 0) << "a pipeline of " << slots << " slots";
  return Make({.kind = StmtKind::kPipeline,
               .var = std::move(var),
               .min = Int(0),
               .extent = Int(extent),
               .slots = slots,
               .body = {std::move(steps.fill), std::move(steps.use)}});
}

Stmt LastBlock(Buffer counters, std::vector<Expr> indices, int64_t blocks, Stmt body) {
  TW_CHECK(indices.size() == counters->shape.size()) << "blocks come to " << counters->name;
  return Make({.kind = StmtKind::kLastBlock,
               .extent = Int(blocks),
               .buffer = std::move(counters),
               .indices = std::move(indices),
               .body = {std::move(body)}});
}

bool Program::IsInput(const Buffer& buffer) const {
  const auto end = params.end() - static_cast<ptrdiff_t>(written);
  return std::find(params.begin(), end, buffer) != end;
}

int64_t Program::ParallelExtent() const {
  if (body == nullptr || body->kind != StmtKind::kFor || body->loop != LoopKind::kParallel) {
    return 1;
  }
  const int64_t* extent = AsInt(body->extent);
  TW_CHECK(extent != nullptr) << "the parallel loop's extent is not constant";
  return *extent;
}

}  // namespace tilewright
