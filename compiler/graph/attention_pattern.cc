#include "compiler/graph/attention_pattern.h"

#include <algorithm>
#include <cmath>

#include "compiler/graph/edit.h"
#include "compiler/graph/rewrite.h"
#include "compiler/graph/softmax_pattern.h"

namespace tilewright {
namespace {

constexpr double kHidden = -1e30;  // scores from here down are those of hidden keys
constexpr int kMostMaps = 12;      // between a product and its softmax

bool IsPlainProduct(const Node& node) {
  return node.workload && node.workload->op == "batch_matmul" && node.workload->epilogue.empty() &&
         IsFloat(node.workload->inputs[0].dtype);
}

// What is reshaped into `value`; kNoValue where anything else reads it on the way.
ValueId BehindReshapes(const Graph& graph, ValueId value) {
  while (OnlyConsumer(graph, value) >= 0) {
    const Node* node = ProducerOf(graph, value);
    if (node == nullptr || node->workload || !IsReshape(node->compute)) return value;
    value = node->inputs[0];
  }
  return kNoValue;
}

// Scores as one map of a product.
struct Scores {
  NewMap map;
  const Node* product;
  size_t input;  // of the map: the product's output
};

int64_t ElementsOf(const Graph& graph, ValueId value) {
  return NumElements(graph.values[value].type.shape);
}

// The input of `map` that is a product with as many elements as the scores.
std::optional<size_t> ProductAmong(const Graph& graph, const NewMap& map) {
  for (size_t i = 0; i < map.inputs.size(); ++i) {
    const Node* node = ProducerOf(graph, map.inputs[i]);
    if (node == nullptr || !IsPlainProduct(*node)) continue;
    if (ElementsOf(graph, node->output) == NumElements(map.compute.output->shape)) return i;
  }
  return std::nullopt;
}

// Takes in the maps before `scores`, a softmax's input, until one of its inputs is a product.
std::optional<Scores> ReadScores(const Graph& graph, ValueId scores) {
  const TensorType& type = graph.values[scores].type;
  NewMap map{MakeReshape(type, type.shape), {scores}};
  for (int step = 0; step < kMostMaps; ++step) {
    if (const std::optional<size_t> input = ProductAmong(graph, map)) {
      return Scores{map, ProducerOf(graph, map.inputs[*input]), *input};
    }
    const auto taken = std::find_if(map.inputs.begin(), map.inputs.end(), [&](ValueId value) {
      const Node* node = ProducerOf(graph, value);
      return node != nullptr && !node->workload && IsMap(node->compute) &&
             ElementsOf(graph, value) == NumElements(type.shape) &&
             (value == scores || OnlyConsumer(graph, value) >= 0);
    });
    if (taken == map.inputs.end()) return std::nullopt;
    const Node& node = *ProducerOf(graph, *taken);
    const size_t slot = static_cast<size_t>(taken - map.inputs.begin());
    const auto joined = Inline(node.compute, map.compute, map.compute.inputs[slot]);
    if (!joined) return std::nullopt;
    map.inputs.erase(taken);
    map.inputs.insert(map.inputs.end(), node.inputs.begin(), node.inputs.end());
    map.compute = NormalizeInputs(*joined, &map.inputs);
  }
  return std::nullopt;
}

// Takes a map apart that scales, masks and hides the elements of one input, read in order.
class ScoreParser {
 public:
  ScoreParser(const Compute& map, const Buffer& product) : map_(map), product_(product) {}

  double scale = 1;
  int64_t causal = -1;
  Expr mask;

  bool Parse(const Expr& value) {
    const Expr e = Unconverted(value);
    switch (e->kind) {
      case ExprKind::kLoad: return e->buffer == product_ && ReadsInOrder(map_, e);
      case ExprKind::kBinary: return ParseBinary(*e);
      case ExprKind::kSelect: return ParseSelect(*e);
      default: return false;
    }
  }

 private:
  bool IsOfProduct(const Expr& e) const { return !LoadsOf(e, product_).empty(); }

  bool ParseBinary(const ExprNode& e) {
    const bool left = IsOfProduct(e.operands[0]);
    if (left == IsOfProduct(e.operands[1])) return false;
    const Expr &inner = e.operands[left ? 0 : 1], other = Unconverted(e.operands[left ? 1 : 0]);
    if (e.op == BinaryOp::kAdd) return scale == 1 && AddMask(other) && Parse(inner);
    if (other->kind != ExprKind::kFloat || other->fvalue == 0) return false;
    if (e.op == BinaryOp::kMul) {
      scale *= other->fvalue;
    } else if (e.op == BinaryOp::kDiv && left) {
      scale /= other->fvalue;
    } else {
      return false;
    }
    return std::isfinite(scale) && Parse(inner);
  }

  // Scores where a condition holds, else (or where it does not) that of a hidden key.
  bool ParseSelect(const ExprNode& e) {
    const Expr& condition = e.operands[0];
    const bool shows = IsOfProduct(e.operands[1]);
    if (scale != 1 || IsOfProduct(condition)) return false;
    if (shows == IsOfProduct(e.operands[2])) return ParsePenalty(e);
    const Expr hidden = Unconverted(e.operands[shows ? 2 : 1]);
    if (hidden->kind != ExprKind::kFloat || !(hidden->fvalue <= kHidden)) return false;
    if (!SetCausal(condition, shows)) {
      const Expr seen = Float(0), none = Float(hidden->fvalue);
      AddMask(Select(condition, shows ? seen : none, shows ? none : seen));
    }
    return Parse(e.operands[shows ? 1 : 2]);
  }

  // The same score, with something added where a condition does not hold.
  bool ParsePenalty(const ExprNode& e) {
    const Expr score = Unconverted(e.operands[1]), sum = Unconverted(e.operands[2]);
    const bool adds = sum->kind == ExprKind::kBinary && sum->op == BinaryOp::kAdd &&
                      sum->operands[1]->kind == ExprKind::kFloat &&
                      Equal(Unconverted(sum->operands[0]), score);
    if (!adds) return false;
    AddMask(Select(e.operands[0], Float(0), Float(sum->operands[1]->fvalue)));
    return Parse(score);
  }

  bool AddMask(const Expr& term) {
    mask = mask == nullptr ? term : Cast(mask, DType::kF32) + Cast(term, DType::kF32);
    return IsFloat(term->dtype);
  }

  // A condition that is (not) that the key is at most the query plus a constant.
  bool SetCausal(const Expr& condition, bool holds) {
    const bool compares = condition->kind == ExprKind::kBinary &&
                          condition->operands[0]->dtype == DType::kI64 &&
                          (condition->op == BinaryOp::kLt || condition->op == BinaryOp::kLe);
    if (!compares || map_.axes.size() < 2) return false;
    // As difference >= 0.
    const Expr &a = condition->operands[0], &b = condition->operands[1];
    Expr difference = holds ? b - a : a - b;
    if (holds == (condition->op == BinaryOp::kLt)) difference = difference - 1;
    const Expr &query = map_.axes.end()[-2].var, &key = map_.axes.back().var;
    const std::optional<Affine> of_key = AffineIn(difference, key);
    if (!of_key || of_key->coefficient != -1) return false;
    const std::optional<Affine> of_query = AffineIn(of_key->rest, query);
    if (!of_query || of_query->coefficient != 1) return false;
    const int64_t* offset = AsInt(of_query->rest);
    if (offset == nullptr || *offset < 0) return false;
    causal = causal < 0 ? *offset : std::min(causal, *offset);
    return true;
  }

  const Compute& map_;
  const Buffer product_;
};

// The mask of scores [batch, heads, queries, keys] or [batch, queries, keys], along those
// dimensions that it changes in and all keys.
NewMap MaskMap(const NewMap& scores, const Expr& mask) {
  std::vector<Axis> old = scores.compute.axes;
  if (old.size() == 3) old.insert(old.begin() + 1, Axis{Var("head"), 1});
  NewMap map{{.name = "attention_mask", .inputs = scores.compute.inputs}, scores.inputs};
  Shape shape;
  for (size_t i = 0; i < old.size(); ++i) {
    shape.push_back(i == 3 || UsesVar(mask, old[i].var) ? old[i].extent : 1);
  }
  map.compute.axes = MakeAxes(shape, "a");
  Substitution moved;
  for (size_t i = 0; i < old.size(); ++i) moved[old[i].var.get()] = map.compute.axes[i].var;
  map.compute.body = SizeOf(mask->dtype) > 4 ? Cast(mask, DType::kF32) : mask;
  map.compute.body = Substitute(map.compute.body, moved);
  map.compute.output = MakeBuffer("out", map.compute.body->dtype, shape);
  map.compute = NormalizeInputs(map.compute, &map.inputs);
  return map;
}

// Batch, heads and queries of the scores' shape, and groups of the products'.
bool SetSizes(const Shape& scores, const Shape& product, FoundAttention* found) {
  if (scores.size() != 3 && scores.size() != 4) return false;
  found->batch = scores[0];
  found->heads = scores.size() == 4 ? scores[1] : 1;
  found->queries = scores.end()[-2];
  if (product[0] % found->batch != 0) return false;
  found->groups = product[0] / found->batch;
  return found->heads % found->groups == 0;
}

}  // namespace

std::optional<FoundAttention> FindAttention(const Graph& graph, const Node& product) {
  if (!IsPlainProduct(product)) return std::nullopt;
  const ValueId weights = BehindReshapes(graph, product.inputs[0]);
  if (weights == kNoValue) return std::nullopt;
  const std::optional<FoundSoftmax> softmax = FindSoftmax(graph, weights);
  if (!softmax) return std::nullopt;
  const std::optional<Scores> scores = ReadScores(graph, softmax->input);
  if (!scores) return std::nullopt;
  const ValueId sums = scores->product->output;
  if (sums != softmax->input && OnlyConsumer(graph, sums) < 0) return std::nullopt;
  const Shape& shape = graph.values[sums].type.shape;
  if (shape != graph.values[product.inputs[0]].type.shape) return std::nullopt;
  FoundAttention found{.query = scores->product->inputs[0],
                       .key = scores->product->inputs[1],
                       .value = product.inputs[1],
                       .empty_rows = softmax->empty_rows};
  const Compute& map = scores->map.compute;
  if (!SetSizes(map.output->shape, shape, &found)) return std::nullopt;
  ScoreParser parser(map, map.inputs[scores->input]);
  if (!parser.Parse(ValueOf(map))) return std::nullopt;
  found.scale = parser.scale;
  found.causal = parser.causal;
  if (parser.mask != nullptr) found.mask = MaskMap(scores->map, parser.mask);
  return found;
}

}  // namespace tilewright
