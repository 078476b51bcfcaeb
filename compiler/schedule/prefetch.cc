#include "compiler/schedule/prefetch.h"

#include <algorithm>
#include <numeric>
#include <optional>
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

// Elements from what is read to what is read one step of `var` later; nullopt where steps differ.
std::optional<int64_t> StrideOf(const Expr& element, const Expr& var) {
  const Expr next = Substitute(element, {{var.get(), var + 1}});
  const Expr stride = Simplify(next - element, {});
  const int64_t* elements = AsInt(stride);
  return elements != nullptr ? std::optional(*elements) : std::nullopt;
}

Expr StartOfPiece(const Expr& element, const std::vector<LoopLeaf>& loops) {
  Substitution zero;
  for (const LoopLeaf& leaf : loops) zero[leaf.var.get()] = Int(0);
  return Simplify(Substitute(element, zero), {});
}

// What one iteration of the driver reads: `size` elements from each of `rows`, elements after the
// first. The piece of the next iteration is `stride` elements further.
struct Piece {
  int64_t stride = 0, size = 1;
  std::vector<int64_t> rows = {0};
};

// Unrolled loops with steps beyond the next piece go over rows. Where steps differ or go back, what
// lies before the next piece is taken for one row.
Piece PieceOf(const Expr& element, const Expr& driver, const std::vector<LoopLeaf>& loops) {
  const std::optional<int64_t> next = StrideOf(element, driver);
  TW_CHECK(next.value_or(0) > 0) << "a prefetched piece of unknown size";
  Piece piece{.stride = *next};
  for (const LoopLeaf& leaf : loops) {
    const int64_t stride = StrideOf(element, leaf.var).value_or(-1);
    if (stride <= piece.stride || leaf.kind != LoopKind::kUnrolled) {
      piece.size += stride < 0 ? piece.stride : (leaf.extent - 1) * stride;
      continue;
    }
    std::vector<int64_t> rows;
    for (const int64_t row : piece.rows) {
      for (int64_t i = 0; i < leaf.extent; ++i) rows.push_back(row + i * stride);
    }
    piece.rows = std::move(rows);
  }
  piece.size = std::min(piece.size, piece.stride);
  return piece;
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

PiecePrefetch PlanPrefetch(const Buffer& buffer, const Expr& element, const PieceLoops& below) {
  std::vector<LoopLeaf> loops = below.outer;
  loops.insert(loops.end(), below.inner.begin(), below.inner.end());
  const Expr start = StartOfPiece(element, loops);
  const Piece piece = PieceOf(element, below.driver.var, loops);
  const int64_t line = kLineBytes / static_cast<int64_t>(SizeOf(buffer->dtype));
  const int64_t row_lines = (piece.size + line - 1) / line;
  Expr step = Int(0);
  int64_t steps = 1;
  const auto count = [&](const LoopLeaf& leaf) {
    step = step * leaf.extent + leaf.var;
    steps *= leaf.extent;
  };
  for (const LoopLeaf& leaf : below.outer) count(leaf);
  PiecePrefetch plan;
  for (const LoopLeaf& leaf : below.inner) {
    if (leaf.kind == LoopKind::kVectorized || steps >= row_lines) break;
    if (leaf.kind == LoopKind::kUnrolled && steps * leaf.extent > row_lines) break;
    count(leaf);
    ++plan.inner_steps;
  }
  const int64_t lines = (row_lines + steps - 1) / steps;  // of a step
  for (const int64_t row : piece.rows) {
    for (int64_t i = 0; i < lines; ++i) {
      const Expr within = Scaled(step * lines + i, piece.size, steps * lines);
      plan.elements.push_back(start + (piece.stride + row) + within);
    }
  }
  return plan;
}

}  // namespace tilewright
