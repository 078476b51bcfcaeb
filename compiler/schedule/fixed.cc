#include "compiler/schedule/fixed.h"

#include <algorithm>

#include "compiler/schedule/merge_axes.h"
#include "compiler/schedule/parallel_loops.h"
#include "compiler/schedule/rows.h"
#include "compiler/schedule/schedule.h"
#include "compiler/schedule/transpose_tiles.h"

namespace tilewright {
namespace {

// Accumulator vectors (or scalar rows) kept in registers: enough to hide the latency of an add.
constexpr int64_t kTile = 8;
int64_t ReduceExtent(const Compute& compute) {
  int64_t extent = 1;
  for (const Axis& axis : compute.reduce) extent *= axis.extent;
  return extent;
}

int64_t WorkOf(const Compute& compute) {
  int64_t work = ReduceExtent(compute);
  for (const Axis& axis : compute.axes) work *= axis.extent;
  return work;
}

// Loops to collapse over threads among the `outer_loops` outermost axes.
int ParallelAxes(const Compute& compute, size_t outer_loops) {
  const auto first = compute.axes.begin();
  return ParallelLoops({first, first + static_cast<ptrdiff_t>(outer_loops)}, WorkOf(compute));
}

// Pieces of a single axis for threads, whole vectors each; 1 when there is too little work.
int64_t PiecesOf(const Compute& compute, int64_t lanes) {
  const int64_t extent = compute.axes[0].extent;
  int64_t pieces = std::min(kParallelIterations, WorkOf(compute) / kParallelGrain);
  while (pieces > 1 && extent % (pieces * lanes) != 0) --pieces;
  return std::max<int64_t>(pieces, 1);
}

// Lanes for a vectorised innermost output axis; 1 when it is too short to be worth it.
int64_t LanesFor(const Compute& compute, const Target& target) {
  if (compute.axes.empty()) return 1;
  const int64_t widest = VectorLanes(target);
  const int64_t extent = compute.axes.back().extent;
  if (extent >= widest) return widest;
  return extent >= 4 ? extent : 1;
}

// True when the reduction walks memory contiguously and the innermost output axis does not:
// vectorising the output would gather.
bool ReducesRows(const Compute& compute) {
  if (compute.reduce.empty()) return false;
  const Expr& inner = compute.reduce.back().var;
  bool rows = false;
  ForEachExpr(compute.body, [&](const Expr& e) {
    if (e->kind != ExprKind::kLoad || e->operands.empty()) return;
    const Expr& column = e->operands.back();
    const bool window = !compute.axes.empty() && UsesVar(column, compute.axes.back().var);
    rows = rows || (UsesVar(column, inner) && !window);
  });
  return rows;
}

// Rows of outputs reduced together, each with its own accumulator (a vector of them where the row
// divides): the innermost output axis that is not trivial is tiled.
Program ReduceRows(const Compute& compute, int64_t lanes) {
  Schedule sch(compute);
  size_t tiled = compute.axes.size();
  for (size_t i = 0; i < compute.axes.size(); ++i) {
    if (compute.axes[i].extent > 1) tiled = i;
  }
  std::vector<Loop> order, tail;
  for (size_t i = 0; i < compute.axes.size(); ++i) {
    if (i != tiled) {
      order.push_back(sch.axis(i));
      continue;
    }
    const auto [outer, inner] = sch.Split(sch.axis(i), std::min(kTile, compute.axes[i].extent));
    order.push_back(outer);
    tail.push_back(inner);
    sch.Unroll(inner);
  }
  const int outer_count = static_cast<int>(order.size());
  const size_t last = compute.reduce.size() - 1;
  for (size_t i = 0; i < last; ++i) order.push_back(sch.reduce(i));
  if (compute.reduce[last].extent % lanes == 0) {
    const auto [columns, lane] = sch.Split(sch.reduce(last), lanes);
    order.push_back(columns);
    tail.push_back(lane);
    sch.Vectorize(lane);
  } else {
    order.push_back(sch.reduce(last));
  }
  order.insert(order.end(), tail.begin(), tail.end());
  sch.Reorder(order);
  sch.Parallel(ParallelAxes(compute, std::min(tiled, compute.axes.size())));
  sch.AccumulateAt(outer_count);
  return sch.Lower();
}

// Vectors along the only output axis, in pieces for threads; reductions tile them in registers.
Program RowVectors(const Compute& compute, int64_t lanes) {
  Schedule sch(compute);
  std::vector<Loop> order, inner;
  Loop row = sch.axis(0);
  const int64_t pieces = PiecesOf(compute, lanes), length = compute.axes[0].extent / pieces;
  if (pieces > 1) {
    const auto [piece, rest] = sch.Split(row, length);
    order.push_back(piece);
    row = rest;
  }
  auto [columns, lane] = sch.Split(row, lanes);
  if (compute.reducer != Reducer::kNone) {
    const auto [outer, tile] = sch.Split(columns, std::min(kTile, (length + lanes - 1) / lanes));
    columns = outer;
    inner.push_back(tile);
    sch.Unroll(tile);
  }
  order.push_back(columns);
  const int outer_count = static_cast<int>(order.size());
  for (size_t i = 0; i < compute.reduce.size(); ++i) order.push_back(sch.reduce(i));
  order.insert(order.end(), inner.begin(), inner.end());
  order.push_back(lane);
  sch.Vectorize(lane);
  sch.Reorder(order);
  sch.Parallel(pieces > 1 ? 1 : 0);
  sch.AccumulateAt(outer_count);
  return sch.Lower();
}

// The tile of an axis: as few places of the last one beyond the end as any size gives that still
// hides latency, and of those sizes the largest.
int64_t TileOf(int64_t extent) {
  if (extent <= kTile) return extent;
  int64_t best = kTile;
  const auto beyond = [&](int64_t tile) { return (extent + tile - 1) / tile * tile - extent; };
  for (int64_t tile = kTile; tile >= kTile / 2; --tile) {
    if (beyond(tile) < beyond(best)) best = tile;
  }
  return best;
}

// Windows with borders are unrolled, at least along rows, so that the borders' conditions are
// decided when the kernel is compiled and neighbours share their loads.
constexpr int64_t kMaxUnrolledReads = 96;

bool UnrollsWindow(const Compute& compute, int64_t tile) {
  return compute.predicate != nullptr && ReduceExtent(compute) * tile <= kMaxUnrolledReads;
}

bool UnrollsRows(const Compute& compute, int64_t tile) {
  return compute.predicate != nullptr && compute.reduce.back().extent * tile <= kMaxUnrolledReads;
}

// The loops of a tile and of what is reduced. Of whole windows, those of one place of the tile come
// after those of another, so that only the rows that both read are kept.
std::vector<Loop> WindowLoops(const Compute& compute, const Loop& tile, int64_t extent,
                              Schedule* sch) {
  std::vector<Loop> window;
  for (size_t i = 0; i < compute.reduce.size(); ++i) window.push_back(sch->reduce(i));
  if (window.empty()) return {tile};
  const bool whole = UnrollsWindow(compute, extent);
  if (whole) {
    for (const Loop& loop : window) sch->Unroll(loop);
  } else if (UnrollsRows(compute, extent)) {
    sch->Unroll(window.back());
  }
  window.insert(whole ? window.begin() : window.end(), tile);
  return window;
}

// Vectors along the innermost of several output axes; reductions tile the next in registers.
Program Vectors(const Compute& compute, int64_t lanes) {
  Schedule sch(compute);
  const size_t rank = compute.axes.size();
  std::vector<Loop> order;
  for (size_t i = 0; i + 2 < rank; ++i) order.push_back(sch.axis(i));
  const bool tiled = compute.reducer != Reducer::kNone;
  const int64_t factor = tiled ? TileOf(compute.axes[rank - 2].extent) : 1;
  const auto [outer, tile] = sch.Split(sch.axis(rank - 2), factor);
  order.push_back(outer);
  sch.Unroll(tile);
  const auto [columns, lane] = sch.Split(sch.axis(rank - 1), lanes);
  order.push_back(columns);
  sch.Vectorize(lane);
  const int outer_count = static_cast<int>(order.size());
  for (const Loop& loop : WindowLoops(compute, tile, factor, &sch)) order.push_back(loop);
  order.push_back(lane);
  sch.Reorder(order);
  sch.Parallel(ParallelAxes(compute, std::max<size_t>(rank - 2, 1)));
  sch.AccumulateAt(outer_count);
  return sch.Lower();
}

}  // namespace

Program ScheduleFixed(const Compute& compute, const Target& target) {
  if (compute.procedure != nullptr) return LowerPlain(compute);
  if (!compute.stages.empty()) return ScheduleRows(compute, target);
  const Compute merged = MergeAxes(compute);
  if (ReducesRows(merged)) return ReduceRows(merged, VectorLanes(target));
  if (std::optional<Program> tiled = TransposeTiles(merged, VectorLanes(target))) return *tiled;
  const int64_t lanes = LanesFor(merged, target);
  if (lanes == 1) return LowerPlain(merged);
  return merged.axes.size() == 1 ? RowVectors(merged, lanes) : Vectors(merged, lanes);
}

}  // namespace tilewright
