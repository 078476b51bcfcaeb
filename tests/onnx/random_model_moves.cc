// The steps of random models that move, choose or retype values.
#include <algorithm>
#include <numeric>

#include "tests/onnx/random_model.h"

namespace tilewright {

bool RandomModel::Reshape() {
  const auto x = Pick(0, 8);
  if (!x) return false;
  const int64_t all = NumElements(x->shape);
  Shape shape;
  switch (Between(0, 3)) {
    case 0: shape = {all}; break;
    case 1: shape = x->shape.empty() ? Shape{1, 1} : Shape{x->shape[0], all / x->shape[0]}; break;
    case 2: shape.assign(x->shape.rbegin(), x->shape.rend()); break;
    case 3:
      shape = x->shape;
      while (shape.size() < 4) shape.insert(shape.begin() + Between(0, std::ssize(shape)), 1);
      break;
  }
  Keep(Node("Reshape", {x->name, Ints(shape)}), {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::Transpose() {
  const auto x = Pick(2, 8);
  if (!x) return false;
  std::vector<int64_t> order(x->shape.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng_.Below(i)]);
  Shape shape;
  for (int64_t d : order) shape.push_back(x->shape[d]);
  onnx::NodeProto& node = Node("Transpose", {x->name});
  SetInts(node, "perm", order);
  Keep(node, {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::Slice() {
  const auto x = Pick(1, 8);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1), size = x->shape[axis];
  const int64_t first = Between(0, size - 1), last = Between(first, size - 1);
  const int64_t step = Between(1, 2);
  Shape shape = x->shape;
  shape[axis] = (last - first) / step + 1;
  const bool backwards = Chance(30);
  // The end of a backwards slice through element 0 is before the first: -size - 1.
  const int64_t before = first == 0 ? -size - 1 : first - 1;
  Keep(Node("Slice",
            {x->name, Ints({backwards ? last : first}), Ints({backwards ? before : last + 1}),
             Ints({axis}), Ints({backwards ? -step : step})}),
       {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::Pad() {
  const auto x = Pick(1, 4);
  if (!x) return false;
  const std::string mode = OneOf<std::string>({"constant", "reflect", "edge"});
  const size_t rank = x->shape.size();
  std::vector<int64_t> pads(2 * rank);
  Shape shape = x->shape;
  for (size_t side = 0; side < 2; ++side) {
    for (size_t d = 0; d < rank; ++d) {
      const int64_t most = mode == "reflect" ? std::min<int64_t>(2, x->shape[d] - 1) : 2;
      pads[side * rank + d] = Chance(50) ? Between(0, most) : 0;
      shape[d] += pads[side * rank + d];
    }
  }
  onnx::NodeProto& node = Node("Pad", {x->name, Ints(pads)});
  SetString(node, "mode", mode);
  Keep(node, {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::Concat() {
  const auto x = Pick(1, 8);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1);
  std::vector<std::string> inputs;
  Value joined = {"", x->shape, x->bound, x->exact};
  joined.shape[axis] = 0;
  for (const Value& value : values_) {
    Shape other = value.shape;
    if (other.size() == x->shape.size()) other[axis] = x->shape[axis];
    if (other != x->shape || (inputs.size() > 1 && Chance(70))) continue;
    inputs.push_back(value.name);
    joined.shape[axis] += value.shape[axis];
    joined.bound = std::max(joined.bound, value.bound);
    joined.exact = joined.exact && value.exact;
  }
  onnx::NodeProto& node = Node("Concat", inputs);
  SetInt(node, "axis", axis);
  Keep(node, joined);
  return true;
}

bool RandomModel::Split() {
  const auto x = Pick(1, 8);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1), size = x->shape[axis];
  if (size < 2) return false;
  const int64_t first = Between(1, size - 1);
  onnx::NodeProto& node = Node("Split", {x->name, Ints({first, size - first})}, 2);
  SetInt(node, "axis", axis);
  for (int part : {0, 1}) {
    Shape shape = x->shape;
    shape[axis] = part == 0 ? first : size - first;
    Keep(node, {"", shape, x->bound, x->exact}, part);
  }
  return true;
}

bool RandomModel::Gather() {
  const auto x = Pick(1, 4);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1), size = x->shape[axis];
  std::vector<int64_t> indices(Between(1, 5));
  for (int64_t& index : indices) index = Between(-size, size - 1);
  Shape shape = x->shape;
  shape[axis] = std::ssize(indices);
  onnx::NodeProto& node = Node("Gather", {x->name, Ints(indices)});
  SetInt(node, "axis", axis);
  Keep(node, {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::CumSum() {
  const auto x = Pick(1, 4);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1);
  const std::string name = Ints({axis});
  onnx::NodeProto& node = Node("CumSum", {x->name, name});
  SetInt(node, "reverse", Chance(50));
  SetInt(node, "exclusive", Chance(50));
  Keep(node, {"", x->shape, x->bound * static_cast<double>(x->shape[axis])});
  return true;
}

bool RandomModel::Expand() {
  const auto x = Pick(0, 4);
  if (!x) return false;
  Shape shape = x->shape;
  if (Chance(50) && !shape.empty()) {
    std::vector<int64_t> repeats;
    for (int64_t& dim : shape) dim *= repeats.emplace_back(Between(1, 2));
    Keep(Node("Tile", {x->name, Ints(repeats)}), {"", shape, x->bound, x->exact});
    return true;
  }
  for (int64_t& dim : shape) dim = dim == 1 ? Between(1, 4) : dim;
  if (shape.size() < 4) shape.insert(shape.begin(), Between(1, 3));
  Keep(Node("Expand", {x->name, Ints(shape)}), {"", shape, x->bound, x->exact});
  return true;
}

bool RandomModel::Resize() {
  const auto x = Pick(4, 4);
  if (!x) return false;
  const bool nearest = Chance(50);
  Shape shape = x->shape;
  shape[2] *= 2;
  shape[3] *= 2;
  onnx::NodeProto& node = Node("Resize", {x->name, "", "", Ints(shape)});
  SetString(node, "mode", nearest ? "nearest" : "linear");
  Keep(node, {"", shape, x->bound, nearest && x->exact});
  return true;
}

bool RandomModel::DepthToSpace() {
  const auto x = Pick(4, 4);
  if (!x || x->shape[1] % 4 != 0) return false;
  onnx::NodeProto& node = Node("DepthToSpace", {x->name});
  SetInt(node, "blocksize", 2);
  SetString(node, "mode", OneOf<std::string>({"DCR", "CRD"}));
  Keep(node,
       {"", {x->shape[0], x->shape[1] / 4, x->shape[2] * 2, x->shape[3] * 2}, x->bound, x->exact});
  return true;
}

bool RandomModel::Trilu() {
  const auto x = Pick(2, 4);
  if (!x) return false;
  onnx::NodeProto& node = Node("Trilu", {x->name});
  SetInt(node, "upper", Chance(50));
  Keep(node, {"", x->shape, x->bound, x->exact});
  return true;
}

bool RandomModel::ArgExtreme() {
  const auto x = Pick(1, 4, true);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1);
  onnx::NodeProto& node = Node(OneOf<std::string>({"ArgMax", "ArgMin"}), {x->name});
  SetInt(node, "axis", axis);
  Shape shape = x->shape;
  shape[axis] = 1;
  onnx::NodeProto& cast = Node("Cast", {node.output(0)});
  SetInt(cast, "to", onnx::TensorProto::FLOAT);
  Keep(cast, {"", shape, static_cast<double>(x->shape[axis]), true});
  return true;
}

bool RandomModel::TopK() {
  const auto x = Pick(1, 3, true);
  if (!x) return false;
  const int64_t axis = Between(0, std::ssize(x->shape) - 1);
  const int64_t count = Between(1, x->shape[axis]);
  onnx::NodeProto& node = Node("TopK", {x->name, Ints({count})}, 2);
  SetInt(node, "axis", axis);
  SetInt(node, "largest", Chance(50));
  Shape shape = x->shape;
  shape[axis] = count;
  Keep(node, {"", shape, x->bound, true});
  onnx::NodeProto& cast = Node("Cast", {node.output(1)});
  SetInt(cast, "to", onnx::TensorProto::FLOAT);
  Keep(cast, {"", shape, static_cast<double>(x->shape[axis]), true});
  return true;
}

bool RandomModel::ThereAndBack() {
  const auto x = Pick(0, 8, true);
  if (!x) return false;
  if (Chance(40)) {
    const std::string step = Weight({}, 0.1, 0.2);
    const std::string codes = Node("QuantizeLinear", {x->name, step}).output(0);
    Keep(Node("DequantizeLinear", {codes, step}), {"", x->shape, x->bound, true});
    return true;
  }
  onnx::NodeProto& there = Node("Cast", {x->name});
  SetInt(
      there, "to",
      OneOf<int64_t>({onnx::TensorProto::INT32, onnx::TensorProto::INT64, onnx::TensorProto::INT8,
                      onnx::TensorProto::BOOL, onnx::TensorProto::DOUBLE}));
  onnx::NodeProto& back = Node("Cast", {there.output(0)});
  SetInt(back, "to", onnx::TensorProto::FLOAT);
  Keep(back, {"", x->shape, x->bound, true});
  return true;
}

}  // namespace tilewright
