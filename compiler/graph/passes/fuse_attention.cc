// product -> scale, mask -> softmax -> product   becomes   attention, whose kernels never hold all
// scores. It is in the order of tokens: what turns heads into batches before the products, and back
// after them, meets its inverse, and fuse_elementwise leaves nothing of both. A few queries become
// a definition with stages instead (attention_rows.h).
#include <cmath>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/graph/attention_pattern.h"
#include "compiler/graph/attention_rows.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// With fewer queries the template's turning of the keys costs more than its products.
constexpr int64_t kFewestQueries = 8;

using IndexFn = std::function<std::vector<Expr>(const std::vector<Expr>& axes)>;

class Rewriter {
 public:
  Rewriter(Graph& graph, const Node& product, FoundAttention found)
      : graph_(graph),
        name_(product.name),
        output_(product.output),
        out_(product.workload->out),
        found_(std::move(found)) {}

  // False, and the graph as it was, where no workload is like that.
  bool Run() {
    const Shape query = ShapeOf(found_.query), value = ShapeOf(found_.value);
    Workload workload = WorkloadOf(query[2], value[1], value[2]);
    if (!CheckWorkload(workload).ok()) return false;
    if (workload.Attr("scaled")[0] == 0 && found_.scale != 1) ScaleQuery();
    std::vector<ValueId> inputs = {QueryByToken(query[2]), KeyByToken(), ValueByToken()};
    if (found_.mask) {
      inputs.push_back(graph_.AddNode(name_ + ".mask", "attention_mask", found_.mask->inputs,
                                      found_.mask->compute));
    }
    const ValueId result =
        graph_.AddTunable(name_ + ".attention", workload.op, std::move(inputs), workload);
    const auto by_head = [](const std::vector<Expr>& a) {
      return std::vector<Expr>{a[0], a[2], a[1], a[3]};
    };
    const ValueId heads =
        Moved("heads", result, {found_.batch, found_.heads, found_.queries, value[2]}, by_head);
    ReplaceUses(graph_, output_, Reshaped(graph_, heads, ShapeOf(output_)));
    return true;
  }

 private:
  Shape ShapeOf(ValueId value) const { return graph_.values[value].type.shape; }

  Workload WorkloadOf(int64_t size, int64_t keys, int64_t values) const {
    const DType type = graph_.values[found_.query].type.dtype;
    const auto input = [&](int64_t length, int64_t heads, int64_t elements) {
      return TensorType{type, {found_.batch, length, heads, elements}};
    };
    const double scale = found_.scale * std::sqrt(static_cast<double>(size));
    const bool scaled = std::abs(scale - 1) < 1e-6;
    Workload workload{
        .op = "attention",
        .inputs = {input(found_.queries, found_.heads, size), input(keys, found_.groups, size),
                   input(keys, found_.groups, values)},
        .attrs = {{"causal", {found_.causal}},
                  {"scaled", {scaled ? 1 : 0}},
                  {"empty_rows", {found_.empty_rows ? 1 : 0}}},
        .out = out_};
    if (found_.mask) {
      const Buffer& mask = found_.mask->compute.output;
      workload.inputs.push_back({mask->dtype, mask->shape});
    }
    return workload;
  }

  // Any other scale than that of the head's size is the query's.
  void ScaleQuery() {
    const TensorType type = graph_.values[found_.query].type;
    Compute c{.name = "attention_scale"};
    c.inputs = InputBuffers(graph_, {found_.query});
    c.output = MakeBuffer("out", type.dtype, type.shape);
    c.axes = MakeAxes(type.shape, "a");
    const Expr query = Cast(Load(c.inputs[0], Vars(c.axes)), DType::kF32);
    c.body = Cast(query * Float(found_.scale), type.dtype);
    found_.query = graph_.AddNode(name_ + ".scale", c.name, {found_.query}, c);
  }

  // out[axes] = value[index(axes)]
  ValueId Moved(const std::string& what, ValueId value, const Shape& shape, const IndexFn& index) {
    Compute c{.name = "transpose"};
    c.inputs = InputBuffers(graph_, {value});
    c.output = MakeBuffer("out", c.inputs[0]->dtype, shape);
    c.axes = MakeAxes(shape, "a");
    c.body = Load(c.inputs[0], index(Vars(c.axes)));
    c = RewriteAll(c, [](const Expr& e) { return e; });
    return graph_.AddNode(absl::StrCat(name_, ".", what), c.name, {value}, c);
  }

  // Heads that share keys are rows of one product.
  ValueId QueryByToken(int64_t size) {
    const int64_t groups = found_.groups, shared = found_.heads / groups;
    const ValueId moved =
        Moved("query", found_.query, {found_.batch, found_.queries, groups, shared, size},
              [&](const std::vector<Expr>& a) {
                return std::vector<Expr>{a[0] * groups + a[2], a[3] * found_.queries + a[1], a[4]};
              });
    return Reshaped(graph_, moved, {found_.batch, found_.queries, found_.heads, size});
  }

  ValueId KeyByToken() {
    const Shape shape = ShapeOf(found_.key);
    return Moved("key", found_.key, {found_.batch, shape[2], found_.groups, shape[1]},
                 [&](const std::vector<Expr>& a) {
                   return std::vector<Expr>{a[0] * found_.groups + a[2], a[3], a[1]};
                 });
  }

  ValueId ValueByToken() {
    const Shape shape = ShapeOf(found_.value);
    return Moved("value", found_.value, {found_.batch, shape[1], found_.groups, shape[2]},
                 [&](const std::vector<Expr>& a) {
                   return std::vector<Expr>{a[0] * found_.groups + a[2], a[1], a[3]};
                 });
  }

  Graph& graph_;
  const std::string name_;
  const ValueId output_;
  const std::optional<DType> out_;
  FoundAttention found_;
};

}  // namespace

absl::Status FuseAttention(Graph& graph, const PassContext& context) {
  if (context.target.kind != "cpu") return absl::OkStatus();  // no template of others
  const size_t original = graph.nodes.size();
  for (size_t at = 0; at < original; ++at) {
    std::optional<FoundAttention> found = FindAttention(graph, graph.nodes[at]);
    if (!found) continue;
    if (found->queries < kFewestQueries) {
      std::optional<Node> rows = AttentionByRows(graph, graph.nodes[at], *found);
      if (rows) graph.nodes[at] = *std::move(rows);
      continue;
    }
    Rewriter(graph, graph.nodes[at], *std::move(found)).Run();
  }
  SortNodes(graph);
  EraseDeadNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
