// A large map   becomes   a task of the operator "nest", whose schedule can be tuned: what is
// resized, gathered, concatenated or combined element by element and is no part of a layer.
//
// What turns memory round stays as it is, because the schedule without knobs turns it in registers
// (compiler/schedule/transpose_tiles.h) and the template of nests does not.
#include <algorithm>

#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/nest.h"

namespace tilewright {
namespace {

// 2 MiB of float32, which second caches do not hold. Smaller maps take microseconds, and there may
// be a hundred of them in a network: as tasks they would cost more tuning than they could gain.
constexpr int64_t kLeastElements = int64_t{1} << 19;

// True where neighbours along `lanes` are not neighbours in memory, nor where a table says.
bool ReadsAcross(const Expr& load, const Expr& lanes) {
  const auto steps = [&](const Expr& index) {
    return UsesVar(index, lanes) && !ReadsAnything(index);
  };
  return !load->operands.empty() &&
         std::any_of(load->operands.begin(), load->operands.end() - 1, steps);
}

bool IsLargeMap(const Node& node) {
  const Compute& c = node.compute;
  if (node.workload || !IsMap(c) || IsReshape(c) || Iterations(c) < kLeastElements) return false;
  const auto innermost = std::find_if(c.axes.rbegin(), c.axes.rend(),
                                      [](const Axis& axis) { return axis.extent > 1; });
  return EveryLoad(c, [&](const Expr& load) { return !ReadsAcross(load, innermost->var); });
}

}  // namespace

absl::Status TuneNests(Graph& graph, const PassContext& context) {
  if (context.target.kind != "cpu") return absl::OkStatus();
  for (Node& node : graph.nodes) {
    if (!IsLargeMap(node)) continue;
    Compute map = node.compute;
    map.body = ValueOf(node.compute);
    map.predicate = map.result = nullptr;
    const absl::StatusOr<Workload> workload = NestWorkload(node.op, map);
    if (!workload.ok()) continue;  // its text is longer than a key may be, say
    node.compute = Define(*workload);
    node.workload = *workload;
  }
  return absl::OkStatus();
}

}  // namespace tilewright
