// reductions of rows and maps of the same rows   become   one definition with stages: a softmax, a
// normalisation and what comes before and after it are one kernel, and what its parts hand on stays
// in the cache. Rows are the elements behind the first axes that all parts have in common.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/input_list.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

// What the parts of a row hand on, at most: it shall stay in the second cache.
constexpr int64_t kMostScratchBytes = 64 << 10;
constexpr size_t kMostStages = 12;

// The innermost axis of more than one element; null: none.
Expr Innermost(const std::vector<Axis>& axes) {
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (axis->extent > 1) return axis->var;
  }
  return nullptr;
}

// Windows overlap, and have schedules of their own: of a row each element is reduced once.
bool ReducesWholeRows(const Compute& c, const Expr& load) {
  return std::all_of(c.reduce.begin(), c.reduce.end(), [&](const Axis& axis) {
    return std::all_of(load->operands.begin(), load->operands.end(), [&](const Expr& index) {
      return index == axis.var || !UsesVar(index, axis.var);
    });
  });
}

// A map or a reduction of whole rows.
bool IsPart(const Node& node) {
  const Compute& c = node.compute;
  if (node.workload || HasSteps(c) || c.axes.empty() || IsReshape(c)) return false;
  if (c.reducer == Reducer::kNone) return true;
  return c.predicate == nullptr &&
         EveryLoad(c, [&](const Expr& load) { return ReducesWholeRows(c, load); });
}

// Whether lanes are neighbours in memory, which are along the axes after the rows or, where a row
// has one result, along the reduction.
bool WalksRows(const Compute& c, size_t rows) {
  Expr lanes = Innermost({c.axes.begin() + static_cast<ptrdiff_t>(rows), c.axes.end()});
  if (lanes == nullptr) lanes = Innermost(c.reduce);
  return lanes == nullptr ||
         EveryLoad(c, [&](const Expr& load) { return WalksMemory(load, lanes); });
}

using Readers = std::vector<std::vector<int>>;

Readers ReadersOf(const Graph& graph) {
  Readers readers(graph.values.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId input : graph.nodes[i].inputs) {
      readers[input].push_back(static_cast<int>(i));
    }
  }
  return readers;
}

// Nodes that shall be one; the last one's output is all that others read.
class Cluster {
 public:
  // `readers` are the nodes that read each value.
  Cluster(const Graph& graph, const Readers& readers, int last)
      : graph_(graph), readers_(readers), nodes_({last}) {}

  // Takes in what is read by the cluster alone, as long as rows remain.
  void Grow() {
    for (bool grown = true; grown && nodes_.size() <= kMostStages;) {
      grown = false;
      for (const int producer : Producers()) {
        nodes_.insert(producer);
        grown = Fits();
        if (grown) break;
        nodes_.erase(producer);
      }
    }
  }

  bool IsOfUse() const {
    return nodes_.size() > 1 && std::any_of(nodes_.begin(), nodes_.end(), [&](int i) {
             return graph_.nodes[i].compute.reducer != Reducer::kNone;
           });
  }

  const std::set<int>& nodes() const { return nodes_; }
  const Node& last() const { return graph_.nodes[*nodes_.rbegin()]; }

  bool Makes(ValueId value) const {
    const int producer = graph_.values[value].producer;
    return producer >= 0 && nodes_.contains(producer);
  }

  // The first axes that all parts have in common, and by which each reads what the others hand on.
  size_t Rows() const {
    size_t rows = last().compute.axes.size();
    for (const int i : nodes_) {
      rows = std::min(rows, CommonAxes(graph_.nodes[i].compute));
      const Node& node = graph_.nodes[i];
      for (size_t k = 0; k < node.inputs.size(); ++k) {
        if (!Makes(node.inputs[k])) continue;
        for (const Expr& load : LoadsOf(node.compute, node.compute.inputs[k])) {
          rows = std::min(rows, AlignedAxes(node.compute, load));
        }
      }
    }
    return rows;
  }

 private:
  // Nodes that might be taken in next.
  std::vector<int> Producers() const {
    std::vector<int> found;
    for (const int i : nodes_) {
      for (const ValueId input : graph_.nodes[i].inputs) {
        const int producer = graph_.values[input].producer;
        if (producer < 0 || nodes_.contains(producer) || graph_.IsOutput(input)) continue;
        const std::vector<int>& readers = readers_[input];
        const bool own = std::all_of(readers.begin(), readers.end(),
                                     [&](int reader) { return nodes_.contains(reader); });
        if (own && IsPart(graph_.nodes[producer])) found.push_back(producer);
      }
    }
    return found;
  }

  bool Fits() const {
    const size_t rows = Rows();
    if (rows == 0) return false;
    int64_t bytes = 0;
    for (const int i : nodes_) {
      if (!WalksRows(graph_.nodes[i].compute, rows)) return false;
      if (i == *nodes_.rbegin()) continue;
      const Buffer& output = graph_.nodes[i].compute.output;
      int64_t elements = 1;
      for (size_t d = rows; d < output->shape.size(); ++d) elements *= output->shape[d];
      bytes += elements * SizeOf(output->dtype);
    }
    return bytes <= kMostScratchBytes;
  }

  size_t CommonAxes(const Compute& c) const {
    const std::vector<Axis>& axes = last().compute.axes;
    size_t common = 0;
    while (common < std::min(axes.size(), c.axes.size()) &&
           axes[common].extent == c.axes[common].extent) {
      ++common;
    }
    return common;
  }

  static size_t AlignedAxes(const Compute& reader, const Expr& load) {
    size_t aligned = 0;
    for (; aligned < std::min(load->operands.size(), reader.axes.size()); ++aligned) {
      const int64_t* literal = AsInt(load->operands[aligned]);
      const bool only = reader.axes[aligned].extent == 1 && literal != nullptr && *literal == 0;
      if (!only && load->operands[aligned] != reader.axes[aligned].var) break;
    }
    return aligned;
  }

  const Graph& graph_;
  const Readers& readers_;
  std::set<int> nodes_;  // in the graph's order
};

// Makes one node of a cluster.
class RowsJoiner {
 public:
  RowsJoiner(const Graph& graph, const Cluster& cluster)
      : graph_(graph), cluster_(cluster), rows_(cluster.Rows()), inputs_(graph) {
    const std::vector<Axis>& axes = cluster.last().compute.axes;
    for (size_t i = 0; i < rows_; ++i) {
      shared_.push_back({Var(absl::StrCat("i", i)), axes[i].extent});
    }
  }

  Node Join() {
    Node joined = cluster_.last();
    Compute c{.name = joined.compute.name};
    std::vector<std::string> ops;
    for (const int i : cluster_.nodes()) {
      const Node& node = graph_.nodes[i];
      ops.push_back(node.op);
      if (node.output == joined.output) continue;
      Compute stage = PartOf(node);
      stage.name = absl::StrCat("stage", c.stages.size());
      stage.axes = AxesBelowRows(node.compute);
      if (stage.axes.empty()) stage.axes = {{Var("one"), 1}};
      stage.output =
          MakeBuffer(stage.name, node.compute.output->dtype, ShapeOf(stage.axes), Scope::kStack);
      handed_on_[node.output] = stage.output;
      c.stages.push_back(std::move(stage));
    }
    Compute last = PartOf(joined);
    last.name = std::move(c.name);
    last.stages = std::move(c.stages);
    last.rows = rows_;
    last.axes = shared_;
    const std::vector<Axis> own = AxesBelowRows(joined.compute);
    last.axes.insert(last.axes.end(), own.begin(), own.end());
    last.output = joined.compute.output;
    joined.compute = std::move(last);
    inputs_.MoveTo(&joined);
    joined.to_layout.clear();
    joined.op = JoinedOp(ops);
    return joined;
  }

 private:
  static Shape ShapeOf(const std::vector<Axis>& axes) {
    Shape shape;
    for (const Axis& axis : axes) shape.push_back(axis.extent);
    return shape;
  }

  static std::string JoinedOp(const std::vector<std::string>& ops) {
    constexpr size_t kMostName = 60;
    const std::string joined = absl::StrJoin(ops, "_");
    return joined.size() <= kMostName ? joined : absl::StrCat("rows_", ops.back());
  }

  std::vector<Axis> AxesBelowRows(const Compute& c) const {
    return {c.axes.begin() + static_cast<ptrdiff_t>(rows_), c.axes.end()};
  }

  // The expressions of a part over the shared axes, the inputs and what earlier ones hand on.
  Compute PartOf(const Node& node) {
    const Compute& c = node.compute;
    Compute part{.reduce = c.reduce, .reducer = c.reducer, .acc = c.acc};
    Substitution rows;
    for (size_t i = 0; i < rows_; ++i) rows[c.axes[i].var.get()] = shared_[i].var;
    std::map<const BufferNode*, ValueId> values;
    for (size_t i = 0; i < node.inputs.size(); ++i) values[c.inputs[i].get()] = node.inputs[i];
    const auto moved = [&](const Expr& root) {
      return Rewrite(Substitute(root, rows), [&](const Expr& e) {
        return e->kind == ExprKind::kLoad ? Moved(e, values.at(e->buffer.get())) : e;
      });
    };
    if (IsMap(c)) {
      part.body = moved(ValueOf(c));
      return part;
    }
    part.body = moved(c.body);
    if (c.result != nullptr) part.result = moved(c.result);
    return part;
  }

  Expr Moved(const Expr& load, ValueId value) {
    const auto made = handed_on_.find(value);
    if (made == handed_on_.end()) return Load(inputs_.BufferOf(value), load->operands);
    std::vector<Expr> indices = {load->operands.begin() + static_cast<ptrdiff_t>(rows_),
                                 load->operands.end()};
    if (indices.empty()) indices = {Int(0)};
    return Load(made->second, std::move(indices));
  }

  const Graph& graph_;
  const Cluster& cluster_;
  const size_t rows_;
  std::vector<Axis> shared_;
  InputList inputs_;
  std::map<ValueId, Buffer> handed_on_;
};

}  // namespace

absl::Status FuseRows(Graph& graph, const PassContext& context) {
  if (context.target.kind != "cpu") return absl::OkStatus();  // a row would be one thread's
  const Readers readers = ReadersOf(graph);
  std::set<int> taken;
  for (int at = static_cast<int>(graph.nodes.size()); at-- > 0;) {
    if (taken.contains(at) || !IsPart(graph.nodes[at])) continue;
    Cluster cluster(graph, readers, at);
    cluster.Grow();
    if (!cluster.IsOfUse()) continue;
    taken.insert(cluster.nodes().begin(), cluster.nodes().end());
    graph.nodes[at] = RowsJoiner(graph, cluster).Join();
  }
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
