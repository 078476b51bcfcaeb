#include "compiler/onnx/zoo/transformer.h"

#include <cmath>

namespace tilewright::zoo {

Value LayerNorm(ModelWriter& net, const Value& x, const std::string& name, float epsilon) {
  const Shape hidden = {x.shape.back()};
  const Value scale = net.Parameter(name + ".weight", hidden, {.mean = 1, .deviation = 0.02});
  const Value bias = net.Parameter(name + ".bias", hidden, kTransformerWeights);
  return net.Node({"LayerNormalization",
                   name,
                   {x, scale, bias},
                   x.shape,
                   {{"axis", int64_t{-1}}, {"epsilon", epsilon}}});
}

Value EmbeddingTable(ModelWriter& net, const std::string& name, int64_t entries, int64_t units) {
  return net.Parameter(name + ".weight", {entries, units}, kTransformerWeights);
}

Value Embedding(ModelWriter& net, const Value& ids, const std::string& name, const Value& table) {
  Shape shape = ids.shape;
  shape.push_back(table.shape[1]);
  return net.Node({"Gather", name, {table, ids}, shape, {{"axis", int64_t{0}}}});
}

Value Linear(ModelWriter& net, const Value& x, const std::string& name, const LinearSpec& spec) {
  const int64_t units = spec.units;
  const Value weight = net.Parameter(name + ".weight", {x.shape[2], units}, kTransformerWeights);
  const Shape shape = {x.shape[0], x.shape[1], units};
  if (!spec.bias) return net.Node({"MatMul", name, {x, weight}, shape});
  const Value added = net.Parameter(name + ".bias", {units}, kTransformerWeights);
  const Value product = net.Node({"MatMul", name + ".matmul", {x, weight}, shape});
  return net.Node({"Add", name, {added, product}, shape});
}

Value SplitHeads(ModelWriter& net, const Value& x, int64_t heads,
                 const std::vector<int64_t>& order) {
  const Shape shape = {x.shape[0], x.shape[1], heads, x.shape[2] / heads};
  const Value split = net.Node({"Reshape",
                                x.name + "/Reshape",
                                {x, net.Integers(x.name + "/shape", {0, 0, shape[2], shape[3]})},
                                shape});
  return Transpose(net, split, x.name + "/Transpose", order);
}

Value MergeHeads(ModelWriter& net, const Value& x) {
  const Value moved = Transpose(net, x, x.name + "/Transpose", {0, 2, 1, 3});
  const Shape merged = {x.shape[0], x.shape[2], x.shape[1] * x.shape[3]};
  return net.Node({"Reshape",
                   x.name + "/Reshape",
                   {moved, net.Integers(x.name + "/shape", {0, 0, merged[2]})},
                   merged});
}

Value AttentionOf(ModelWriter& net, const AttentionHeads& heads, const std::string& name) {
  const auto& [q, k, v, bias] = heads;
  const Shape scores = {q.shape[0], q.shape[1], q.shape[2], k.shape[3]};
  const auto root = std::sqrt(static_cast<float>(q.shape[3]));
  Value s = net.Node({"MatMul", name + ".scores", {q, k}, scores});
  s = net.Node({"Div", name + ".scaled", {s, net.Scalar(name + ".root", root)}, scores});
  if (bias != nullptr) s = Add(net, s, *bias, name + ".masked");
  return MergeHeads(net, net.Node({"MatMul", name + ".context", {Softmax(net, s), v}, q.shape}));
}

Value AttentionBias(ModelWriter& net, const Value& mask) {
  const Shape shape = {mask.shape[0], 1, 1, mask.shape[1]};
  const Value wide =
      net.Node({"Unsqueeze", "mask.unsqueeze", {mask, net.Integers("mask.axes", {1, 2})}, shape});
  const Value real = net.Node({"Cast", "mask.cast", {wide}, shape, {{"to", int64_t{1}}}});
  const Value hidden = net.Node({"Sub", "mask.sub", {net.Scalar("mask.one", 1), real}, shape});
  return net.Node({"Mul", "mask.mul", {hidden, net.Scalar("mask.low", -10000)}, shape});
}

Value Gelu(ModelWriter& net, const Value& x) {
  const std::string& name = x.name;
  Value y =
      net.Node({"Div", name + "/Div", {x, net.Scalar(name + "/root2", 1.41421356f)}, x.shape});
  y = net.Node({"Erf", name + "/Erf", {y}, x.shape});
  y = net.Node({"Add", name + "/Add", {y, net.Scalar(name + "/one", 1)}, x.shape});
  y = net.Node({"Mul", name + "/Mul", {x, y}, x.shape});
  return net.Node({"Mul", name + "/Gelu", {y, net.Scalar(name + "/half", 0.5f)}, x.shape});
}

}  // namespace tilewright::zoo
