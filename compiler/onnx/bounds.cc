#include "compiler/onnx/bounds.h"

#include "absl/strings/str_cat.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// Where room is for one element its position is a literal: of the output's dimensions that is the
// one that is aligned with it.
std::optional<size_t> AlignedAxis(const Compute& compute, const Buffer& buffer, size_t axis) {
  const size_t from_end = buffer->shape.size() - axis;
  if (buffer->shape[axis] != 1 || from_end > compute.axes.size()) return std::nullopt;
  const size_t aligned = compute.axes.size() - from_end;
  if (compute.axes[aligned].extent != 1) return std::nullopt;
  return aligned;
}

// The output dimension at whose own position every load reads dimension `axis`.
std::optional<size_t> KeptAxis(const Compute& compute, const Buffer& buffer, size_t axis) {
  std::optional<size_t> kept;
  for (const Expr& load : LoadsOf(compute, buffer)) {
    std::optional<size_t> found;
    if (AsInt(load->operands[axis]) != nullptr) found = AlignedAxis(compute, buffer, axis);
    for (size_t d = 0; d < compute.axes.size(); ++d) {
      const bool same = compute.axes[d].extent == buffer->shape[axis];
      if (same && load->operands[axis] == compute.axes[d].var) found = d;
    }
    if (!found || (kept && *kept != *found)) return std::nullopt;
    kept = found;
  }
  return kept;
}

}  // namespace

absl::StatusOr<std::optional<Bound>> BoundOf(const Compute& compute,
                                             const std::vector<ValueId>& inputs, const Graph& graph,
                                             const Bounds& bounds) {
  std::optional<Bound> result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto bound = bounds.find(inputs[i]);
    if (bound == bounds.end()) continue;
    const auto kept = KeptAxis(compute, compute.inputs[i], bound->second.axis);
    const bool agrees =
        kept && (!result || (result->axis == *kept && result->count == bound->second.count));
    if (!agrees) {
      return absl::UnimplementedError(
          absl::StrCat("reads \"", graph.values[inputs[i]].name,
                       "\", of which the number of elements depends on data, across that number"));
    }
    result = Bound{*kept, bound->second.count};
  }
  return result;
}

}  // namespace tilewright
