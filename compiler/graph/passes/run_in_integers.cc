// dequantize -> anchor   becomes   the anchor of the integers -> scale: sums of products of
// integers are exact, faster, and of less memory. What a quantizer gives to such an anchor, it
// gives centred on its zero point in int16, so that no zero point is left in the products or in the
// padding, and a chain of layers runs from quantizer to quantizer without a float between
// (fuse_epilogues takes the scale and the quantizer into the anchor). A bias that is a whole number
// of the sums' scale, as those of quantised models are, is added to the sums. Eight bits are what
// was quantised; they are carried in sixteen, which are exact in the products of pairs that CPUs
// have.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/epilogue_steps.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/quantizers.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// A float32 value as integers times scales.
struct IntegerForm {
  ValueId integers = kNoValue;  // int16
  std::vector<float> scales;    // one, or one for each position along `axis`
  int axis = -1;
};

// A map with one input, of the same shape.
Compute MapOf(const TensorType& from, DType to, const std::function<Expr(Expr)>& value) {
  Compute compute{.name = "map",
                  .inputs = {MakeBuffer("in0", from.dtype, from.shape)},
                  .output = MakeBuffer("out", to, from.shape),
                  .axes = MakeAxes(from.shape, "i")};
  compute.body = value(Load(compute.inputs[0], Vars(compute.axes)));
  return compute;
}

int64_t Products(const Compute& compute) {
  int64_t products = 1;
  for (const Axis& axis : compute.reduce) products *= axis.extent;
  return products;
}

// Whether int32 holds the sum of `start` and that many products of two centred bytes, each at most
// 255.
bool SumFits(int64_t start, int64_t products) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max(), kProduct = 255 * 255;
  return products <= kMost / kProduct && std::abs(start) <= kMost - products * kProduct;
}

// `reals`, one for each channel, as integers times factors (one, or one for each); nullopt where
// they are anything else, or int32 may not hold their sums with that many products.
std::optional<Tensor> InFactors(const Tensor& reals, const std::vector<float>& factors,
                                int64_t products) {
  if (reals.size() == 0 || reals.dtype() != DType::kF32) return std::nullopt;
  Tensor integers({DType::kI32, {reals.size()}});
  for (int64_t c = 0; c < reals.size(); ++c) {
    const float real = reals.as<float>()[c], factor = factors.size() > 1 ? factors[c] : factors[0];
    const double whole = std::nearbyint(static_cast<double>(real) / factor);
    if (!(std::abs(whole) <= std::numeric_limits<int32_t>::max())) return std::nullopt;
    const auto integer = static_cast<int32_t>(whole);
    if (static_cast<float>(integer) * factor != real || !SumFits(integer, products)) {
      return std::nullopt;
    }
    integers.as<int32_t>()[c] = integer;
  }
  return integers;
}

bool IsFloatAnchor(const Node& node) {
  return node.workload && SumFits(0, Products(node.compute)) &&
         OperatorOf(*node.workload).weighted && HasPlainLayouts(*node.workload) &&
         node.workload->epilogue.empty() && node.workload->inputs[0].dtype == DType::kF32 &&
         !node.workload->out;
}

class IntegerRunner {
 public:
  explicit IntegerRunner(Graph& graph) : graph_(graph) {}

  void Run() {
    const int original = static_cast<int>(graph_.nodes.size());
    for (int at = 0; at < original; ++at) {
      if (IsFloatAnchor(graph_.nodes[at])) Convert(at);
    }
    for (int at = 0; at < original; ++at) JoinCentering(at);
    for (int at = 0; at < original; ++at) CenterWhatIsDequantized(at);
    for (int at = 0; at < original; ++at) ReadCentered(at);
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  void Convert(int at) {
    const Node anchor = graph_.nodes[at];
    const OperatorDef& def = OperatorOf(*anchor.workload);
    const std::optional<IntegerForm> data = FormOf(anchor.inputs[0]);
    if (!data || data->axis >= 0) return;
    const std::optional<IntegerForm> weight = FormOf(anchor.inputs[1]);
    if (!weight) return;
    std::vector<float> factors = weight->scales;
    const bool by_channel = factors.size() > 1;
    const int64_t channels = anchor.compute.output->shape[def.channel];
    if (by_channel && (weight->axis != static_cast<int>(def.weight_channel) ||
                       static_cast<int64_t>(factors.size()) != channels)) {
      return;
    }
    for (float& factor : factors) factor *= data->scales[0];
    Workload workload = *anchor.workload;
    for (TensorType& type : workload.inputs) type.dtype = DType::kI16;
    const ValueId sums =
        graph_.AddTunable(anchor.name, anchor.op, {data->integers, weight->integers}, workload);
    if (const std::optional<Bias> bias = BiasOf(anchor, factors)) {
      const ValueId biased = Biased(sums, bias->integers, def.channel);
      ReplaceUses(graph_, bias->sum, Scaled(biased, factors, def.channel));
    } else {
      ReplaceUses(graph_, anchor.output, Scaled(sums, factors, def.channel));
    }
  }

  // A bias of as many times each channel's factor, as quantisers of models write it: it is added to
  // the sums of integers.
  struct Bias {
    ValueId sum = kNoValue;  // the anchor's output and the bias
    Tensor integers;         // int32
  };

  std::optional<Bias> BiasOf(const Node& anchor, const std::vector<float>& factors) const {
    const int reader = OnlyConsumer(graph_, anchor.output);
    if (reader < 0 || graph_.nodes[reader].workload) return std::nullopt;
    const Node& map = graph_.nodes[reader];
    const auto slot = std::find(map.inputs.begin(), map.inputs.end(), anchor.output);
    const auto steps = MatchEpilogue(map.compute, map.compute.inputs[slot - map.inputs.begin()]);
    if (!steps || steps->size() != 1 || (*steps)[0].op.kind != EpilogueKind::kBias) {
      return std::nullopt;
    }
    const auto& buffers = map.compute.inputs;
    const auto operand = std::find(buffers.begin(), buffers.end(), (*steps)[0].operand->buffer);
    const Tensor& reals = graph_.values[map.inputs[operand - buffers.begin()]].constant;
    std::optional<Tensor> integers = InFactors(reals, factors, Products(anchor.compute));
    if (!integers) return std::nullopt;
    return Bias{map.output, *std::move(integers)};
  }

  ValueId Biased(ValueId sums, Tensor bias, size_t channel) {
    const std::string name = graph_.values[sums].name + "_biased";
    Compute compute = MapOf(graph_.values[sums].type, DType::kI32, [](Expr sum) { return sum; });
    compute.inputs.push_back(MakeBuffer("in1", DType::kI32, bias.shape()));
    compute.body = compute.body + Load(compute.inputs[1], {compute.axes[channel].var});
    const ValueId constant = graph_.AddConstant(name + "_by", std::move(bias));
    return graph_.AddNode(name, "bias_add", {sums, constant}, std::move(compute));
  }

  // float32(sums) * factor.
  ValueId Scaled(ValueId sums, const std::vector<float>& factors, size_t channel) {
    const std::string name = graph_.values[sums].name + "_scaled";
    const TensorType type = graph_.values[sums].type;
    Compute compute =
        MapOf(type, DType::kF32, [&](const Expr& sum) { return Cast(sum, DType::kF32); });
    if (factors.size() == 1) {
      compute.body = compute.body * Float(factors[0]);
      return graph_.AddNode(name, "scale", {sums}, std::move(compute));
    }
    Tensor scales({DType::kF32, {static_cast<int64_t>(factors.size())}});
    std::copy(factors.begin(), factors.end(), scales.as<float>());
    compute.inputs.push_back(MakeBuffer("in1", DType::kF32, scales.shape()));
    compute.body = compute.body * Load(compute.inputs[1], {compute.axes[channel].var});
    const ValueId constant = graph_.AddConstant(name + "_by", std::move(scales));
    return graph_.AddNode(name, "scale", {sums, constant}, std::move(compute));
  }

  std::optional<IntegerForm> FormOf(ValueId value) {
    const Node* producer = ProducerOf(graph_, value);
    if (producer == nullptr) return std::nullopt;
    if (const std::optional<Dequantizer> made = MatchDequantizer(graph_, *producer)) {
      const ValueId bytes = producer->inputs[made->input];
      return IntegerForm{Centered(bytes, made->zero_point), made->scales, made->axis};
    }
    return MovedForm(*producer);
  }

  // Of data movement (a transposed weight): the same of the integers.
  std::optional<IntegerForm> MovedForm(Node movement) {
    const bool moves = !movement.workload && movement.inputs.size() == 1 &&
                       IsMap(movement.compute) &&
                       ValueOf(movement.compute)->kind == ExprKind::kLoad;
    if (!moves) return std::nullopt;
    const Expr load = ValueOf(movement.compute);
    std::optional<IntegerForm> form = FormOf(movement.inputs[0]);
    if (!form) return std::nullopt;
    if (form->axis >= 0) {
      const std::vector<Axis>& axes = movement.compute.axes;
      const Expr& along = load->operands[form->axis];
      size_t axis = 0;
      while (axis < axes.size() && axes[axis].var != along) ++axis;
      if (axis == axes.size()) return std::nullopt;
      form->axis = static_cast<int>(axis);
    }
    Compute compute = movement.compute;
    compute.inputs = {MakeBuffer("in0", DType::kI16, movement.compute.inputs[0]->shape)};
    compute.output = MakeBuffer("out", DType::kI16, movement.compute.output->shape);
    compute.body = Load(compute.inputs[0], load->operands);
    compute.result = nullptr;
    form->integers =
        graph_.AddNode(movement.name, movement.op, {form->integers}, std::move(compute));
    return form;
  }

  // `bytes` less the zero point, in int16: made by the quantizer itself where there is one.
  ValueId Centered(ValueId bytes, int64_t zero_point) {
    const auto [it, is_new] = centered_.try_emplace({bytes, zero_point}, kNoValue);
    if (!is_new) return it->second;
    const Node* producer = ProducerOf(graph_, bytes);
    const auto quantizer = producer == nullptr ? std::nullopt : MatchQuantizer(graph_, *producer);
    if (quantizer && quantizer->zero_point == zero_point) {
      it->second = CenteredQuantizer(*producer, *quantizer);
      return it->second;
    }
    const Value& value = graph_.values[bytes];
    Compute compute = MapOf(value.type, DType::kI16, [&](const Expr& byte) {
      return Cast(byte, DType::kI16) - Int(zero_point, DType::kI16);
    });
    it->second = graph_.AddNode(value.name + "_centered", "center", {bytes}, std::move(compute));
    return it->second;
  }

  ValueId CenteredQuantizer(const Node& producer, const Quantizer& quantizer) {
    const IntegerLimits limits = LimitsOf(producer.compute.output->dtype);
    const auto bound = [&](auto limit) {
      return Float(static_cast<double>(limit) - static_cast<double>(quantizer.zero_point));
    };
    Compute compute = producer.compute;
    compute.output = MakeBuffer("out", DType::kI16, compute.output->shape);
    const Expr clipped = Min(Max(quantizer.rounded, bound(limits.lowest)), bound(limits.highest));
    compute.body = Cast(clipped, DType::kI16);
    compute.result = nullptr;
    std::vector<ValueId> inputs = producer.inputs;
    compute = NormalizeInputs(compute, &inputs);
    return graph_.AddNode(producer.name + "_centered", producer.op, std::move(inputs),
                          std::move(compute));
  }

  // Integers that an integer operator centred.
  void JoinCentering(int at) {
    const std::optional<Centering> made = MatchCentering(graph_, graph_.nodes[at]);
    if (!made) return;
    const ValueId bytes = graph_.nodes[at].inputs[made->input];
    const Node* producer = ProducerOf(graph_, bytes);
    const auto quantizer = producer == nullptr ? std::nullopt : MatchQuantizer(graph_, *producer);
    if (!quantizer || quantizer->zero_point != made->zero_point) return;
    ReplaceUses(graph_, graph_.nodes[at].output, Centered(bytes, made->zero_point));
  }

  // What goes from quantizer to dequantizer (a sum's operand) is best kept as other layers have it.
  void CenterWhatIsDequantized(int at) {
    const std::optional<Dequantizer> made = MatchDequantizer(graph_, graph_.nodes[at]);
    if (!made || made->axis >= 0) return;
    const ValueId bytes = graph_.nodes[at].inputs[made->input];
    const Node* producer = ProducerOf(graph_, bytes);
    if (producer == nullptr || graph_.IsOutput(bytes)) return;
    const std::optional<Quantizer> quantizer = MatchQuantizer(graph_, *producer);
    if (quantizer && quantizer->zero_point == made->zero_point) Centered(bytes, made->zero_point);
  }

  // A dequantizer of bytes that are centred anyway reads those instead.
  void ReadCentered(int at) {
    const std::optional<Dequantizer> made = MatchDequantizer(graph_, graph_.nodes[at]);
    if (!made || made->axis >= 0) return;
    const auto it = centered_.find({graph_.nodes[at].inputs[made->input], made->zero_point});
    if (it == centered_.end()) return;
    Compute compute = MapOf(graph_.values[it->second].type, DType::kF32, [&](const Expr& integer) {
      return Cast(integer, DType::kF32) * Float(made->scales[0]);
    });
    graph_.nodes[at].inputs = {it->second};
    graph_.nodes[at].compute = std::move(compute);
  }

  Graph& graph_;
  std::map<std::pair<ValueId, int64_t>, ValueId> centered_;
};

}  // namespace

absl::Status RunInIntegers(Graph& graph, const PassContext& context) {
  if (context.target.kind == "cpu") IntegerRunner(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
