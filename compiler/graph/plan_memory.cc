#include <algorithm>
#include <limits>

#include "compiler/graph/edit.h"
#include "compiler/graph/pipeline.h"

namespace tilewright {
namespace {

// A piece of the arena in use from the node that makes it to the last that reads it, inclusive.
struct Piece {
  ValueId value = kNoValue;  // none: scratch
  size_t scratch = 0;        // which of its node's
  int64_t bytes = 0, offset = 0;
  int first = 0, last = 0;
};

// Values that own memory in the arena, with lifetimes that include those of their reshapes.
std::vector<Piece> Pieces(const Graph& graph, const std::vector<ValueId>& roots) {
  std::vector<Piece> pieces;
  std::vector<int> piece_of(graph.values.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const int now = static_cast<int>(i);
    for (ValueId id : node.inputs) {
      if (const int piece = piece_of[roots[id]]; piece >= 0) pieces[piece].last = now;
    }
    if (roots[node.output] != node.output || graph.IsOutput(node.output)) continue;
    piece_of[node.output] = static_cast<int>(pieces.size());
    pieces.push_back({.value = node.output,
                      .bytes = NumBytes(graph.values[node.output].type),
                      .first = now,
                      .last = now});
  }
  return pieces;
}

// What single nodes need while they run.
void AppendScratch(const std::vector<std::vector<int64_t>>& bytes, std::vector<Piece>* pieces) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int now = static_cast<int>(i);
    for (size_t s = 0; s < bytes[i].size(); ++s) {
      pieces->push_back({.scratch = s, .bytes = bytes[i][s], .first = now, .last = now});
    }
  }
}

bool Overlap(const Piece& a, const Piece& b) { return a.first <= b.last && b.first <= a.last; }

// The smallest gap between the placed pieces alive at the same time that fits.
int64_t BestOffset(const Piece& piece, const std::vector<Piece>& placed) {
  std::vector<const Piece*> alive;
  for (const Piece& other : placed) {
    if (Overlap(piece, other)) alive.push_back(&other);
  }
  std::sort(alive.begin(), alive.end(),
            [](const Piece* a, const Piece* b) { return a->offset < b->offset; });
  int64_t end = 0, best = -1, best_gap = std::numeric_limits<int64_t>::max();
  for (const Piece* other : alive) {
    const int64_t gap = other->offset - end;
    if (gap >= piece.bytes && gap < best_gap) {
      best = end;
      best_gap = gap;
    }
    end = std::max(end, other->offset + other->bytes);
  }
  return best >= 0 ? best : end;
}

}  // namespace

// Greedy by size, best fit (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
// Inference", 2020): large pieces first, each into the smallest gap of its lifetime.
MemoryPlan PlanMemory(const Graph& graph, const std::vector<std::vector<int64_t>>& scratch_bytes,
                      int64_t alignment) {
  const std::vector<ValueId> roots = MemoryRoots(graph);
  std::vector<Piece> pieces = Pieces(graph, roots);
  AppendScratch(scratch_bytes, &pieces);
  for (Piece& piece : pieces) {
    piece.bytes = (piece.bytes + alignment - 1) / alignment * alignment;
  }
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.bytes > b.bytes; });
  MemoryPlan plan{.scratch = scratch_bytes};
  std::vector<Piece> placed;
  for (Piece& piece : pieces) {
    piece.offset = BestOffset(piece, placed);
    plan.arena_bytes = std::max(plan.arena_bytes, piece.offset + piece.bytes);
    if (piece.value == kNoValue) {
      plan.scratch[piece.first][piece.scratch] = piece.offset;
    } else {
      plan.offsets[piece.value] = piece.offset;
    }
    placed.push_back(piece);
  }
  for (const Node& node : graph.nodes) {
    const ValueId root = roots[node.output];
    if (!graph.IsOutput(root)) plan.offsets[node.output] = plan.offsets.at(root);
  }
  return plan;
}

}  // namespace tilewright
