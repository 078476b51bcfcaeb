// Sizes that depend on data: such a tensor has room for the most elements there can be, and a count
// says how many there are; the rest is zero or repeats. What reads it element by element along that
// dimension gives such a tensor again; what would mix elements with the room behind them is
// refused.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"

namespace tilewright {

struct Bound {
  size_t axis;
  ValueId count;  // int64 scalar
};
using Bounds = std::map<ValueId, Bound>;

// What a definition makes of its inputs' bounds. Unimplemented where it does not keep them, naming
// the value. REQUIRES: `inputs` are parallel to compute.inputs.
absl::StatusOr<std::optional<Bound>> BoundOf(const Compute& compute,
                                             const std::vector<ValueId>& inputs, const Graph& graph,
                                             const Bounds& bounds);

}  // namespace tilewright
