#include "compiler/schedule/fixed.h"

#include <algorithm>

#include "compiler/schedule/schedule.h"

namespace tilewright {
namespace {

// Accumulator vectors (or scalar rows) kept in registers: enough to hide the latency of an add.
constexpr int64_t kTile = 8;
// Elements a parallel iteration should at least produce, so that a hand-over to another thread
// (microseconds) is small against the work.
constexpr int64_t kGrain = 4096;

int64_t ReduceExtent(const Compute& compute) {
  int64_t extent = 1;
  for (const Axis& axis : compute.reduce) extent *= axis.extent;
  return extent;
}

// Outermost loops to collapse over threads: as few as give 16 iterations, while each keeps at
// least kGrain elements of work.
int ParallelLoops(const Compute& compute, int outer_loops) {
  int64_t work = ReduceExtent(compute);
  for (const Axis& axis : compute.axes) work *= axis.extent;
  int64_t iterations = 1;
  int count = 0;
  while (count < outer_loops && iterations < 16) {
    const int64_t next = iterations * compute.axes[count].extent;
    if (work / std::max<int64_t>(next, 1) < kGrain) break;
    iterations = next;
    ++count;
  }
  return iterations > 1 ? count : 0;
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
    if (e->kind == ExprKind::kLoad && !e->operands.empty()) {
      rows = rows || UsesVar(e->operands.back(), inner);
    }
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
  sch.Parallel(ParallelLoops(compute, static_cast<int>(std::min(tiled, compute.axes.size()))));
  sch.AccumulateAt(outer_count);
  return sch.Lower();
}

// Vectors along the innermost output axis; reductions tile the next axis in registers.
Program Vectors(const Compute& compute, int64_t lanes) {
  Schedule sch(compute);
  const size_t rank = compute.axes.size();
  std::vector<Loop> order, inner;
  for (size_t i = 0; i + 2 < rank; ++i) order.push_back(sch.axis(i));
  if (rank >= 2) {
    const bool tiled = compute.reducer != Reducer::kNone;
    const int64_t factor = tiled ? std::min(kTile, compute.axes[rank - 2].extent) : 1;
    const auto [outer, tile] = sch.Split(sch.axis(rank - 2), factor);
    order.push_back(outer);
    inner.push_back(tile);
    sch.Unroll(tile);
  }
  const auto [columns, lane] = sch.Split(sch.axis(rank - 1), lanes);
  order.push_back(columns);
  sch.Vectorize(lane);
  const int outer_count = static_cast<int>(order.size());
  for (size_t i = 0; i < compute.reduce.size(); ++i) order.push_back(sch.reduce(i));
  order.insert(order.end(), inner.begin(), inner.end());
  order.push_back(lane);
  sch.Reorder(order);
  sch.Parallel(ParallelLoops(compute, std::max(static_cast<int>(rank) - 2, rank > 1 ? 1 : 0)));
  sch.AccumulateAt(outer_count);
  return sch.Lower();
}

}  // namespace

Program ScheduleFixed(const Compute& compute, const Target& target) {
  if (ReducesRows(compute)) return ReduceRows(compute, VectorLanes(target));
  const int64_t lanes = LanesFor(compute, target);
  if (lanes == 1) return LowerPlain(compute);
  return Vectors(compute, lanes);
}

}  // namespace tilewright
