#include "compiler/schedule/prefetch.h"

#include <numeric>
#include <utility>

#include "base/check.h"
#include "compiler/loop/simplify.h"

namespace tilewright {
namespace {

constexpr int64_t kLineBytes = 64;

// a * b / c, reduced.
Expr Scaled(const Expr& a, int64_t b, int64_t c) {
  const int64_t divisor = std::gcd(b, c);
  return FloorDiv(a * (b / divisor), c / divisor);
}

// Elements between the pieces of two iterations of the driver.
int64_t PieceSize(const Expr& start, const Expr& driver) {
  const Expr next = Substitute(start, {{driver.get(), driver + 1}});
  const Expr size = Simplify(next - start, {});
  const int64_t* elements = AsInt(size);
  TW_CHECK(elements != nullptr && *elements > 0) << "a prefetched piece of unknown size";
  return *elements;
}

Expr StartOfPiece(const Expr& element, const PieceLoops& loops) {
  Substitution zero;
  for (const LoopLeaf& leaf : loops.outer) zero[leaf.var.get()] = Int(0);
  for (const LoopLeaf& leaf : loops.inner) zero[leaf.var.get()] = Int(0);
  return Simplify(Substitute(element, zero), {});
}

}  // namespace

Expr ElementRead(const Expr& body, const Buffer& buffer) {
  Expr element;
  ForEachExpr(body, [&](const Expr& e) {
    if (e->kind != ExprKind::kLoad || e->buffer != buffer) return;
    TW_CHECK(element == nullptr) << buffer->name << " is loaded twice";
    element = Int(0);
    for (size_t d = 0; d < e->operands.size(); ++d) {
      element = element * buffer->shape[d] + e->operands[d];
    }
  });
  TW_CHECK(element != nullptr) << buffer->name << " is not loaded";
  return element;
}

PiecePrefetch PlanPrefetch(const Buffer& buffer, const Expr& element, const PieceLoops& loops) {
  const Expr start = StartOfPiece(element, loops);
  const int64_t size = PieceSize(start, loops.driver.var);
  const int64_t line = kLineBytes / static_cast<int64_t>(SizeOf(buffer->dtype));
  const int64_t piece_lines = (size + line - 1) / line;
  Expr step = Int(0);
  int64_t steps = 1;
  const auto count = [&](const LoopLeaf& leaf) {
    step = step * leaf.extent + leaf.var;
    steps *= leaf.extent;
  };
  for (const LoopLeaf& leaf : loops.outer) count(leaf);
  PiecePrefetch plan;
  for (const LoopLeaf& leaf : loops.inner) {
    if (leaf.kind == LoopKind::kVectorized || steps >= piece_lines) break;
    if (leaf.kind == LoopKind::kUnrolled && steps * leaf.extent > piece_lines) break;
    count(leaf);
    ++plan.inner_steps;
  }
  const int64_t lines = (piece_lines + steps - 1) / steps;  // of a step
  for (int64_t i = 0; i < lines; ++i) {
    plan.elements.push_back(start + size + Scaled(step * lines + i, size, steps * lines));
  }
  return plan;
}

}  // namespace tilewright
