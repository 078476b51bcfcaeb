// A definition that is one nest of loops, as users' operators and large maps are: vectors along one
// axis and, unrolled, a tile along that or another one, the other loops around them in the
// definition's order. A tile along an axis that little of the definition depends on (the channels
// of a resampling) computes the rest once for all of the tile. Axes that walk memory as one are
// one.
//
// Knobs: vector_axis, lanes (1: no vectors), tile_axis, tile (elements, or vectors of one axis),
// parallel (how many of the outermost loops are shared among threads).
#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>

#include "base/status_macros.h"
#include "compiler/loop/visit.h"
#include "compiler/operators/define.h"
#include "compiler/schedule/merge_axes.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Above this many operations in one straight-line body, compiling costs more than it gains.
constexpr int64_t kMaxBodySize = 6000;
// Of a default's tile: later elements gain little over what one already shares.
constexpr int64_t kDefaultTile = 4;
// Iterations of the shared loops that give each of a machine's threads an even part.
constexpr int64_t kEvenShares = 16;

Compute NestOf(const Workload& w) { return MergeAxes(Define(w)); }

int64_t CountNodes(const Expr& body, const std::function<bool(const Expr&)>& counts) {
  int64_t count = 0;
  ForEachExpr(body, [&](const Expr& e) { count += counts(e) ? 1 : 0; });
  return count;
}

std::vector<int64_t> AxisNumbers(const Compute& nest) {
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < nest.axes.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
  return numbers;
}

int64_t Longest(const Compute& nest) {
  int64_t longest = 1;
  for (const Axis& axis : nest.axes) longest = std::max(longest, axis.extent);
  return longest;
}

// Powers of two up to twice the widest vector, and axes that are shorter than one.
std::vector<int64_t> LaneCounts(const Compute& nest, const Target& target) {
  std::vector<int64_t> lanes;
  const int64_t widest = VectorLanes(target);
  const int64_t most = std::min<int64_t>(2 * widest, Longest(nest));
  for (int64_t l = 1; l <= most; l *= 2) lanes.push_back(l);
  for (const Axis& axis : nest.axes) {
    const bool known = std::count(lanes.begin(), lanes.end(), axis.extent) > 0;
    if (axis.extent < widest && !known) lanes.push_back(axis.extent);
  }
  return lanes;
}

std::vector<int64_t> Tiles(const Compute& nest) {
  std::vector<int64_t> tiles;
  for (const int64_t tile : {1, 2, 3, 4, 6, 8, 12, 16}) {
    if (tile <= Longest(nest)) tiles.push_back(tile);
  }
  return tiles;
}

// Vectors along an axis, the last one partly filled.
int64_t VectorsOf(const Compute& nest, const Config& config) {
  const int64_t extent = nest.axes[config.Int("vector_axis")].extent;
  return (extent + config.Int("lanes") - 1) / config.Int("lanes");
}

// How far a tile may go.
int64_t TileableOf(const Compute& nest, const Config& config) {
  const int64_t axis = config.Int("tile_axis");
  if (axis == config.Int("vector_axis")) return VectorsOf(nest, config);
  return nest.axes[axis].extent;
}

Program LowerNest(const Compute& nest, const Config& config) {
  Schedule sch(nest);
  const size_t vector_axis = config.Int("vector_axis"), tile_axis = config.Int("tile_axis");
  std::vector<Loop> order;
  std::optional<Loop> tile, lane;
  for (size_t i = 0; i < nest.axes.size(); ++i) {
    Loop outer = sch.axis(i);
    if (i == vector_axis) std::tie(outer, lane) = sch.Split(outer, config.Int("lanes"));
    if (i == tile_axis) std::tie(outer, tile) = sch.Split(outer, config.Int("tile"));
    order.push_back(outer);
  }
  order.insert(order.end(), {*tile, *lane});
  sch.Unroll(*tile);
  sch.Vectorize(*lane);
  sch.Reorder(order);
  sch.Parallel(static_cast<int>(config.Int("parallel")));
  sch.AccumulateAt(static_cast<int>(nest.axes.size()));
  return sch.Lower();
}

class Nest final : public Template {
 public:
  std::string_view Summary() const override {
    return "a nest of loops (a user's operator, a large map): vectors and an unrolled tile";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && w.op == "nest";
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const Compute nest = NestOf(w);
    ConfigSpace space;
    DefineIntKnob(space, "vector_axis", AxisNumbers(nest));
    DefineIntKnob(space, "lanes", LaneCounts(nest, target));
    DefineIntKnob(space, "tile_axis", AxisNumbers(nest));
    DefineIntKnob(space, "tile", Tiles(nest));
    std::vector<int64_t> shared = AxisNumbers(nest);
    shared.push_back(static_cast<int64_t>(nest.axes.size()));
    DefineIntKnob(space, "parallel", shared);
    space.AddConstraint("no vector longer than its axis", [nest](const Config& config) {
      return config.Int("lanes") <= nest.axes[config.Int("vector_axis")].extent;
    });
    space.AddConstraint("no tile longer than its axis", [nest](const Config& config) {
      return config.Int("tile") <= TileableOf(nest, config);
    });
    const int64_t nodes = CountNodes(nest.body, [](const Expr&) { return true; });
    space.AddConstraint(
        "a tile of 1, or at most 6000 operations in its body", [nodes](const Config& config) {
          return config.Int("tile") == 1 || nodes * config.Int("tile") <= kMaxBodySize;
        });
    return space;
  }

  // Vectors along the innermost axis, a tile along the one that least of the definition uses, where
  // something is read that does not depend on it.
  Config Default(const Workload& w, const Target& target) const override {
    const Compute nest = NestOf(w);
    const ConfigSpace space = Space(w, target);
    const int64_t last = static_cast<int64_t>(nest.axes.size()) - 1, tiled = LeastUsed(nest);
    const int64_t lanes = std::min<int64_t>(nest.axes[last].extent, VectorLanes(target));
    const bool shares =
        !EveryLoad(nest, [&](const Expr& load) { return UsesVar(load, nest.axes[tiled].var); });
    const auto with = [&](int64_t tile) {
      return Config{{{"vector_axis", Scalar(last)},
                     {"lanes", Scalar(lanes)},
                     {"tile_axis", Scalar(tiled)},
                     {"tile", Scalar(tile)},
                     {"parallel", Scalar(SharedLoops(nest, lanes))}}};
    };
    int64_t tile = shares ? kDefaultTile : 1;
    while (tile > 1 && space.WhyInvalid(with(tile))) --tile;
    return with(tile);
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    return SingleStep(LowerNest(NestOf(w), config));
  }

 private:
  // Of the axes but the last, which is in vectors; the last where there is no other.
  static int64_t LeastUsed(const Compute& nest) {
    int64_t best = static_cast<int64_t>(nest.axes.size()) - 1, least = 0;
    for (int64_t i = best - 1; i >= 0; --i) {
      const Expr& var = nest.axes[i].var;
      const int64_t uses = CountNodes(nest.body, [&](const Expr& e) { return UsesVar(e, var); });
      if (best != static_cast<int64_t>(nest.axes.size()) - 1 && uses >= least) continue;
      best = i;
      least = uses;
    }
    return best;
  }

  // As few as give every thread an even part, none where there is little to do.
  static int64_t SharedLoops(const Compute& nest, int64_t lanes) {
    constexpr int64_t kFewElements = 4096;
    int64_t elements = 1, iterations = 1, loops = 0;
    for (const Axis& axis : nest.axes) elements *= axis.extent;
    if (elements < 2 * kFewElements) return 0;
    for (; loops < static_cast<int64_t>(nest.axes.size()) && iterations < kEvenShares; ++loops) {
      const bool last = loops + 1 == static_cast<int64_t>(nest.axes.size());
      iterations *= last ? (nest.axes[loops].extent + lanes - 1) / lanes : nest.axes[loops].extent;
    }
    return loops;
  }
};

}  // namespace

const Template& nest_cpu() {
  static const Nest instance;
  return instance;
}

}  // namespace tilewright
