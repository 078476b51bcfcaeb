// A transposed convolution of stride 1 is a convolution by the weights turned around (Dumoulin and
// Visin, "A guide to convolution arithmetic for deep learning", section 4.1), for which there are
// more algorithms. On GPUs it stays, as AutoTVM's records are of the transposed form.
#include <algorithm>

#include "compiler/graph/edit.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/operators/define.h"

namespace tilewright {
namespace {

// Where padding allows.
bool IsConvolution(const Node& node) {
  if (!node.workload || node.workload->op != "conv2d_transpose") return false;
  const Workload& w = *node.workload;
  const Shape& strides = w.Attr("strides");
  return strides[0] == 1 && strides[1] == 1 && w.Attr("groups")[0] == 1;
}

// Of the convolution: what the window reaches beyond the transposed one's padding.
Shape PaddingOf(const Workload& w) {
  const Shape& padding = w.Attr("padding");
  Shape result(4);
  for (size_t i = 0; i < 4; ++i) {
    const size_t d = i % 2;
    result[i] = w.Attr("dilation")[d] * (w.inputs[1].shape[2 + d] - 1) - padding[i];
    if (i >= 2) result[i] += w.Attr("output_padding")[d];
  }
  return result;
}

// IOHW to OIHW, the taps from last to first.
Compute TurnedWeights(const TensorType& weight) {
  const Shape& from = weight.shape;
  Compute c;
  c.name = "turn_weights";
  c.axes = {{Var("o"), from[1]}, {Var("i"), from[0]}, {Var("kh"), from[2]}, {Var("kw"), from[3]}};
  c.inputs = {MakeBuffer("in0", weight.dtype, from)};
  c.output = MakeBuffer("out", weight.dtype, {from[1], from[0], from[2], from[3]});
  const std::vector<Expr> at = Vars(c.axes);
  c.body = Load(c.inputs[0], {at[1], at[0], Int(from[2] - 1) - at[2], Int(from[3] - 1) - at[3]});
  return c;
}

void Convert(Graph& graph, size_t index, Shape padding) {
  const ValueId weight = graph.nodes[index].inputs[1];
  const ValueId turned = graph.AddNode(graph.nodes[index].name + ".weights", "turn_weights",
                                       {weight}, TurnedWeights(graph.values[weight].type));
  Node& node = graph.nodes[index];
  Workload& w = *node.workload;
  w.op = node.op = "conv2d";
  w.inputs[1] = graph.values[turned].type;
  w.weight_layout = "OIHW";
  w.attrs["padding"] = std::move(padding);
  w.attrs.erase("output_padding");
  node.inputs[1] = turned;
  node.compute = Define(w);
}

}  // namespace

absl::Status ConvertTransposed(Graph& graph, const PassContext& context) {
  if (context.target.kind != "cpu") return absl::OkStatus();
  for (size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    if (!IsConvolution(graph.nodes[i])) continue;
    Shape padding = PaddingOf(*graph.nodes[i].workload);
    if (*std::min_element(padding.begin(), padding.end()) >= 0) Convert(graph, i, padding);
  }
  SortNodes(graph);
  return absl::OkStatus();
}

}  // namespace tilewright
