#include "compiler/schedule/schedule.h"

#include <algorithm>

#include "base/check.h"
#include "compiler/schedule/lower_nest.h"
#include "compiler/schedule/sum_start.h"

namespace tilewright {

Schedule::Schedule(Compute compute) : compute_(std::move(compute)) {
  for (const Axis& axis : compute_.axes) loops_.push_back({.var = axis.var, .extent = axis.extent});
  for (const Axis& axis : compute_.reduce) {
    loops_.push_back({.var = axis.var, .extent = axis.extent, .reduce = true});
  }
  for (size_t i = 0; i < loops_.size(); ++i) order_.push_back(static_cast<int>(i));
  if (compute_.predicate) reduce_guards_.push_back(compute_.predicate);
  accumulate_at_ = static_cast<int>(compute_.axes.size());
}

std::pair<Loop, Loop> Schedule::Split(Loop loop, int64_t factor) {
  const LoopLeaf whole = loops_[loop.id];
  TW_CHECK(factor >= 1 && factor <= whole.extent) << whole.var->name << " by " << factor;
  const int outer = static_cast<int>(loops_.size());
  loops_.push_back({.var = Var(whole.var->name + "_o"),
                    .extent = (whole.extent + factor - 1) / factor,
                    .reduce = whole.reduce});
  loops_.push_back({.var = Var(whole.var->name + "_i"), .extent = factor, .reduce = whole.reduce});
  definitions_[whole.var.get()] = loops_[outer].var * factor + loops_[outer + 1].var;
  if (whole.extent % factor != 0) {
    (whole.reduce ? reduce_guards_ : spatial_guards_).push_back(Lt(whole.var, Int(whole.extent)));
  }
  const auto at = std::find(order_.begin(), order_.end(), loop.id);
  TW_CHECK(at != order_.end()) << whole.var->name << " was split before";
  *at = outer;
  order_.insert(std::find(order_.begin(), order_.end(), outer) + 1, outer + 1);
  return {Loop{outer}, Loop{outer + 1}};
}

void Schedule::Reorder(const std::vector<Loop>& order) {
  std::vector<int> ids;
  for (Loop loop : order) ids.push_back(loop.id);
  TW_CHECK(std::is_permutation(ids.begin(), ids.end(), order_.begin(), order_.end()))
      << "reorder of " << compute_.name << " must name every loop once";
  order_ = std::move(ids);
}

void Schedule::Unroll(Loop loop) { loops_[loop.id].kind = LoopKind::kUnrolled; }

void Schedule::Vectorize(Loop loop) { loops_[loop.id].kind = LoopKind::kVectorized; }

void Schedule::Parallel(int count) { parallel_ = count; }

void Schedule::AccumulateAt(int outer_count) { accumulate_at_ = outer_count; }

void Schedule::PrefetchNext(size_t input, int outer_count) {
  prefetch_ = {compute_.inputs[input], outer_count};
}

void Schedule::StoreOnlyIf(Expr condition) { store_guards_.push_back(std::move(condition)); }

void Schedule::StoreAt(Buffer output, std::vector<Expr> indices) {
  store_ = {std::move(output), std::move(indices)};
}

Program Schedule::Lower() const {
  Compute compute = compute_;
  NestSpec spec;
  spec.compute = &compute;
  // Lanes that are summed apart would each start from it.
  const auto in_lanes = [](const LoopLeaf& loop) {
    return loop.reduce && loop.kind == LoopKind::kVectorized;
  };
  if (std::none_of(loops_.begin(), loops_.end(), in_lanes)) spec.initial = TakeAddend(&compute);
  for (int id : order_) spec.leaves.push_back(loops_[id]);
  spec.definitions = &definitions_;
  spec.spatial_guards = spatial_guards_;
  spec.reduce_guards = reduce_guards_;
  spec.store_guards = store_guards_;
  spec.parallel = parallel_;
  spec.accumulate_at = accumulate_at_;
  spec.prefetch = prefetch_;
  spec.store = store_.buffer ? store_ : StorePlace{compute_.output, Vars(compute_.axes)};
  return LowerNest(spec);
}

}  // namespace tilewright
