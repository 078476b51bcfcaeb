// anchor -> reshape -> map       becomes   anchor -> map -> reshape,
// anchor -> reshape -> reshape   becomes   anchor -> reshape, or nothing.
//
// A MatMul over a sequence is a dense on a flattened matrix with reshapes around it, a convolution
// over one dimension one over an image of one row. Moving the reshape below the bias, residual and
// activation that follow lets those become the anchor's epilogue, and lets the next anchor read
// what this one writes; the reshape itself costs nothing (edit.h MemoryRoots).
#include <set>

#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

class Sinker {
 public:
  explicit Sinker(Graph& graph) : graph_(graph) {}

  void Run() {
    // Sinking appends the moved reshape, which is tried again.
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      if (node.workload || FollowsSource(node)) sources_.insert(node.output);
      if (!IsMovable(node)) continue;
      const int reader = OnlyConsumer(graph_, node.output);
      if (reader >= 0 && CanPass(graph_.nodes[reader], node.output)) {
        Sink(node, reader);
      } else {
        JoinWithNext(node);
      }
    }
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  // A map, element by element, of what a source made: it may become part of the source.
  bool FollowsSource(const Node& node) const {
    if (!IsMap(node.compute) || IsReshape(node.compute)) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!sources_.contains(node.inputs[i])) continue;
      if (ReadsAtAxes(node.compute, node.compute.inputs[i])) return true;
    }
    return false;
  }

  bool IsMovable(const Node& node) const {
    return !node.workload && IsReshape(node.compute) && sources_.contains(node.inputs[0]) &&
           !placed_.contains(node.output);
  }

  static bool CanPass(const Node& map, ValueId reshaped) {
    if (map.workload || !IsMap(map.compute)) return false;
    for (size_t i = 0; i < map.inputs.size(); ++i) {
      if (map.inputs[i] == reshaped && !ReadsAtAxes(map.compute, map.compute.inputs[i])) {
        return false;
      }
    }
    return !IsReshape(map.compute);
  }

  // Reshapes of the reshape's output read its source.
  void JoinWithNext(const Node& reshape) {
    const ValueId source = reshape.inputs[0];
    const TensorType from = graph_.values[source].type;
    for (const int reader : graph_.ConsumersOf(reshape.output)) {
      Node& next = graph_.nodes[reader];
      if (next.workload || !IsReshape(next.compute)) continue;
      const TensorType to = graph_.values[next.output].type;
      next.inputs = {source};
      next.compute = MakeReshape(from, to.shape);
      if (from == to) ReplaceUses(graph_, next.output, source);
    }
  }

  // By value: the graph's nodes move while others are appended.
  void Sink(Node reshape, int reader) {
    Node map = graph_.nodes[reader];
    const ValueId source = reshape.inputs[0];
    const Shape shape = graph_.values[source].type.shape;
    const TensorType result = graph_.values[map.output].type;
    MoveTo(shape, &map);
    const ValueId output = map.output;
    map.output = graph_.AddValue(graph_.values[output].name + "_flat",
                                 {.dtype = result.dtype, .shape = shape});
    sources_.insert(map.output);
    reshape.inputs = {map.output};
    reshape.output = output;
    reshape.compute = MakeReshape(graph_.values[map.output].type, result.shape);
    graph_.values[map.output].producer = reader;
    graph_.nodes[reader] = std::move(map);
    AppendNode(graph_, std::move(reshape));
  }

  // The same map over `shape`; inputs read element by element are reshaped too.
  void MoveTo(const Shape& shape, Node* map) {
    const Compute old = map->compute;
    const TensorType from{.dtype = old.output->dtype, .shape = old.output->shape};
    const Compute reshape = MakeReshape(from, shape);
    const std::vector<Expr> position = reshape.body->operands;
    Compute& moved = map->compute;
    moved.axes = reshape.axes;
    moved.output = reshape.output;
    Expr value = ValueOf(old);
    for (size_t i = 0; i < map->inputs.size(); ++i) {
      if (!ReadsAtAxes(old, old.inputs[i])) continue;
      const size_t known = graph_.values.size();
      map->inputs[i] = Reshaped(graph_, map->inputs[i], shape);
      if (graph_.values.size() > known) placed_.insert(map->inputs[i]);
      moved.inputs[i] = MakeBuffer(old.inputs[i]->name, old.inputs[i]->dtype, shape);
      value = ReplaceLoads(value, old.inputs[i],
                           [&](const auto&) { return Load(moved.inputs[i], Vars(moved.axes)); });
    }
    Substitution to_position;
    for (size_t i = 0; i < position.size(); ++i) {
      to_position[old.axes[i].var.get()] = position[i];
    }
    moved.body = Substitute(value, to_position);
    moved.predicate = moved.result = nullptr;
    moved = NormalizeInputs(moved, &map->inputs);
  }

  Graph& graph_;
  std::set<ValueId> sources_;  // outputs of anchors and of the maps that follow them
  // Reshapes of what else a moved map reads: where that is a source too, moving them would put back
  // the reshape that they were made for, and so on.
  std::set<ValueId> placed_;
};

}  // namespace

absl::Status SinkReshapes(Graph& graph, const PassContext&) {
  Sinker(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
