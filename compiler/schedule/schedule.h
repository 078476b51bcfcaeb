// Turns a Compute into a scheduled Program by loop transformations. Build it, transform, Lower.
// Not thread-safe; a schedule is used once.
//
//   Schedule s(compute);
//   auto [oc, oc_tile] = s.Split(s.axis(1), 2);
//   s.Reorder({oc, oh, ow, ic, kh, kw, oc_tile, ow_tile, lane});
//   s.Parallel(2);                    // collapse the two outermost loops over threads
//   s.Unroll(ow_tile); s.Vectorize(lane);
//   s.AccumulateAt(3);                // the tile below the third loop stays in registers
//   Program p = s.Lower();
//
// Guards. A split that does not divide its loop, and the compute's predicate (padding), become
// conditions. Lowering keeps them out of hot code: a loop whose border iterations alone need a
// condition is partitioned into first, middle and last iterations (loop partitioning); a condition
// is tested as soon as its variables are bound; an unrolled or vectorised tail loop is shortened.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "compiler/loop/compute.h"
#include "compiler/loop/visit.h"

namespace tilewright {

// Handle of one loop of a schedule.
struct Loop {
  int id = -1;
};

// One loop of the nest, as lowering sees it.
struct LoopLeaf {
  Expr var;
  int64_t extent = 1;
  LoopKind kind = LoopKind::kSerial;
  bool reduce = false;
};

// Where results go, when not to the compute's output at its axes.
struct StorePlace {
  Buffer buffer;  // null: nothing special
  std::vector<Expr> indices;
};

// What Schedule::PrefetchNext asked for.
struct NextPiece {
  Buffer buffer;  // null: nothing
  int outer_count = 0;
};

class Schedule {
 public:
  // Starts with one loop per axis, then one per reduction axis, in order.
  explicit Schedule(Compute compute);

  // Handles of the compute's loops. REQUIRES: not yet split.
  Loop axis(size_t i) const { return {static_cast<int>(i)}; }
  Loop reduce(size_t i) const { return {static_cast<int>(compute_.axes.size() + i)}; }

  // The value of output dimension i, for StoreOnlyIf.
  const Expr& AxisValue(size_t i) const { return compute_.axes[i].var; }

  // Replaces a loop by outer x inner, inner of extent `factor` (at most the loop's extent).
  // The outer takes the loop's place, the inner follows it.
  std::pair<Loop, Loop> Split(Loop loop, int64_t factor);
  // Sets the order of the whole nest. REQUIRES: every current loop exactly once.
  void Reorder(const std::vector<Loop>& order);
  void Unroll(Loop loop);
  // REQUIRES: innermost in the order when lowered. A reduction loop may be vectorised when its
  // split has no tail: each lane accumulates for itself, which reorders the reduction.
  void Vectorize(Loop loop);
  // Collapses the `count` outermost loops into one parallel loop. REQUIRES: they are spatial.
  void Parallel(int count);
  // The accumulators of one iteration of the `outer_count` outermost loops live in registers:
  // initialised before, stored after all loops below. Reduction loops may be outside: partial sums
  // then travel through the output (REQUIRES: kSum, float output).
  void AccumulateAt(int outer_count);
  // Hides the way from memory: while one iteration of the `outer_count` outermost loops runs, asks
  // for what the next one reads of input i, evenly spread over the steps of the loops below (down
  // to the last serial one). REQUIRES: the body loads the input once, and what one iteration reads
  // is one contiguous piece before the next one's, or as many as unrolled loops have steps of more
  // than that; outer_count <= AccumulateAt.
  void PrefetchNext(size_t input, int outer_count);
  // The output exists only where `condition` (over the compute's axes) holds; everything read is
  // readable elsewhere (padded), so only stores are guarded.
  void StoreOnlyIf(Expr condition);

  // The program's output is `output`, and the element at the compute's axes is stored at `indices`
  // (over them): one program of several that fill an output together.
  void StoreAt(Buffer output, std::vector<Expr> indices);

  Program Lower() const;

 private:
  Compute compute_;
  std::vector<LoopLeaf> loops_;  // by id; split ones stay, unused
  std::vector<int> order_;       // ids, outer to inner
  Substitution definitions_;     // split variable -> its parts
  std::vector<Expr> spatial_guards_, reduce_guards_, store_guards_;
  int parallel_ = 0, accumulate_at_ = 0;
  NextPiece prefetch_;
  StorePlace store_;
};

}  // namespace tilewright
