// CPUs that multiply bytes four at a time: anchors of int16 whose weights fit int8 read bytes. A
// centred quantizer's int16 lies within 256 values; the byte is its distance from the least of
// them,
//   sum(centred * w) = sum(byte * w) + least * sum(w),
// whose second term is a constant of each output channel (fuse_epilogues takes it into the
// anchor). Where the least is not 0, padding is: bytes that stand for 0 are put around the data by
// a node of their own. Int32 wraps, and the sum of both terms fits (run_in_integers), so that the
// integers are the same bit for bit.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/core/narrow_dots.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/layout_change.h"
#include "compiler/graph/passes/passes.h"
#include "compiler/graph/quantizers.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {
namespace {

// int16 values as uint8: value = byte + least.
struct ByteForm {
  ValueId bytes = kNoValue;
  int64_t least = 0;
};

bool IsInt16Anchor(const Node& node) {
  if (!node.workload) return false;
  const Workload& w = *node.workload;
  const bool known = w.op == "conv2d" || w.op == "depthwise_conv2d" || w.op == "dense";
  return known && HasPlainLayouts(w) && w.epilogue.empty() && !w.out && !w.acc &&
         w.inputs[0].dtype == DType::kI16 && w.inputs[1].dtype == DType::kI16;
}

// The same elements in int8; empty where they do not fit.
Tensor InInt8(const Tensor& weight) {
  Tensor narrow({DType::kI8, weight.shape()});
  const auto* from = weight.as<int16_t>();
  auto* to = narrow.as<int8_t>();
  for (int64_t i = 0; i < weight.size(); ++i) {
    if (from[i] < -128 || from[i] > 127) return {};
    to[i] = static_cast<int8_t>(from[i]);
  }
  return narrow;
}

// least * the sum of each output channel's weights.
Tensor Corrections(const Tensor& weight, int64_t least) {
  const int64_t channels = weight.shape()[0], each = weight.size() / channels;
  Tensor sums({DType::kI32, {channels}});
  for (int64_t c = 0; c < channels; ++c) {
    int64_t sum = 0;
    for (int64_t i = 0; i < each; ++i) sum += weight.as<int8_t>()[c * each + i];
    sums.as<int32_t>()[c] = static_cast<int32_t>(sum * least);
  }
  return sums;
}

// The least of a value saturated to at most 256 whole numbers: cast(min(max(x, lo), hi)).
std::optional<int64_t> LeastOf(const Expr& value) {
  if (value->kind != ExprKind::kCast || value->dtype != DType::kI16) return std::nullopt;
  const Expr& low = value->operands[0];
  if (low->kind != ExprKind::kBinary || low->op != BinaryOp::kMin) return std::nullopt;
  const Expr& high = low->operands[0];
  if (high->kind != ExprKind::kBinary || high->op != BinaryOp::kMax) return std::nullopt;
  const Expr &lo = high->operands[1], &hi = low->operands[1];
  if (lo->kind != ExprKind::kFloat || hi->kind != ExprKind::kFloat) return std::nullopt;
  if (lo->fvalue < -255 || hi->fvalue > 255) return std::nullopt;
  const bool one_byte = lo->fvalue <= 0 && hi->fvalue - lo->fvalue <= 255;
  return one_byte ? std::optional(static_cast<int64_t>(lo->fvalue)) : std::nullopt;
}

Compute WithValue(Compute compute, DType to, Expr value) {
  compute.output = MakeBuffer("out", to, compute.output->shape);
  compute.body = std::move(value);
  compute.predicate = compute.result = nullptr;
  return compute;
}

class ByteNarrower {
 public:
  explicit ByteNarrower(Graph& graph) : graph_(graph) {}

  void Run() {
    const int original = static_cast<int>(graph_.nodes.size());
    for (int at = 0; at < original; ++at) {
      if (IsInt16Anchor(graph_.nodes[at])) Narrow(at);
    }
    if (forms_.empty()) return;
    for (int at = 0; at < original; ++at) NarrowBesides(at);
    for (int at = 0; at < original; ++at) ReadBytes(graph_.nodes[at]);
    SortNodes(graph_);
    EraseDeadNodes(graph_);
  }

 private:
  void Narrow(int at) {
    const Node anchor = graph_.nodes[at];
    const ValueId weight = NarrowWeight(anchor.inputs[1]);
    if (weight == kNoValue) return;
    const std::optional<ByteForm> form = FormOf(anchor.inputs[0]);
    if (!form) return;
    Workload workload = *anchor.workload;
    ValueId data = form->bytes;
    if (form->least != 0) data = Padded(data, -form->least, &workload);
    workload.inputs = {graph_.values[data].type, graph_.values[weight].type};
    const ValueId sums = graph_.AddTunable(anchor.name, anchor.op, {data, weight}, workload);
    const size_t channel = OperatorOf(workload).channel;
    ReplaceUses(graph_, anchor.output, Corrected(sums, weight, form->least, channel));
  }

  // kNoValue where the weight is no constant of small integers.
  ValueId NarrowWeight(ValueId weight) {
    const auto [it, is_new] = weights_.try_emplace(weight, kNoValue);
    if (!is_new || graph_.values[weight].constant.empty()) return it->second;
    Tensor narrow = InInt8(graph_.values[weight].constant);
    if (narrow.empty()) return kNoValue;
    it->second = graph_.AddConstant(graph_.values[weight].name + "_int8", std::move(narrow));
    return it->second;
  }

  ValueId Corrected(ValueId sums, ValueId weight, int64_t least, size_t channel) {
    if (least == 0) return sums;
    const std::string name = graph_.values[sums].name + "_corrected";
    const TensorType type = graph_.values[sums].type;
    const ValueId by =
        graph_.AddConstant(name + "_by", Corrections(graph_.values[weight].constant, least));
    Compute compute{.name = "map",
                    .inputs = InputBuffers(graph_, {sums, by}),
                    .output = MakeBuffer("out", type.dtype, type.shape),
                    .axes = MakeAxes(type.shape, "i")};
    compute.body = Load(compute.inputs[0], Vars(compute.axes)) +
                   Load(compute.inputs[1], {compute.axes[channel].var});
    return graph_.AddNode(name, "correct", {sums, by}, std::move(compute));
  }

  // `data` inside borders of `zero`, in place of the workload's padding.
  ValueId Padded(ValueId data, int64_t zero, Workload* workload) {
    const auto attribute = workload->attrs.find("padding");
    if (attribute == workload->attrs.end()) return data;
    const std::vector<int64_t> pads =
        std::exchange(attribute->second, std::vector<int64_t>(attribute->second.size()));
    if (std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; })) return data;
    const TensorType type = graph_.values[data].type;
    Shape shape = type.shape;
    for (size_t i : {0, 1}) shape[2 + i] += pads[i] + pads[2 + i];
    Compute compute{.name = "pad",
                    .inputs = InputBuffers(graph_, {data}),
                    .output = MakeBuffer("out", type.dtype, shape),
                    .axes = MakeAxes(shape, "i")};
    std::vector<Expr> position = Vars(compute.axes);
    Expr inside;
    for (size_t i : {0, 1}) {
      position[2 + i] = position[2 + i] - pads[i];
      if (pads[i] > 0) inside = And(inside, Le(Int(0), position[2 + i]));
      if (pads[2 + i] > 0) inside = And(inside, Lt(position[2 + i], Int(type.shape[2 + i])));
    }
    compute.body = Select(inside, Load(compute.inputs[0], position), Int(zero, type.dtype));
    return graph_.AddNode(graph_.values[data].name + "_padded", "pad", {data}, std::move(compute));
  }

  std::optional<ByteForm> FormOf(ValueId value) {
    if (const auto it = forms_.find(value); it != forms_.end()) return it->second;
    const Node* producer = ProducerOf(graph_, value);
    if (producer == nullptr || producer->workload || !IsMap(producer->compute)) return std::nullopt;
    const std::optional<ByteForm> form = MadeForm(*producer);
    if (form) forms_.emplace(value, *form);
    return form;
  }

  std::optional<ByteForm> MadeForm(const Node node) {
    const Expr value = ValueOf(node.compute);
    if (const auto least = LeastOf(value)) return ByteForm{Quantized(node, *least), *least};
    if (const std::optional<Centering> made = MatchCentering(graph_, node)) {
      return UncenteredForm(node, *made);
    }
    if (value->kind != ExprKind::kLoad || node.inputs.size() != 1) return std::nullopt;
    const std::optional<ByteForm> from = FormOf(node.inputs[0]);  // of what is only moved
    if (!from) return std::nullopt;
    Compute compute = node.compute;
    compute.inputs = {MakeBuffer("in0", DType::kU8, value->buffer->shape)};
    compute = WithValue(compute, DType::kU8, Load(compute.inputs[0], value->operands));
    const ValueId moved = graph_.AddNode(node.name, node.op, {from->bytes}, std::move(compute));
    return ByteForm{moved, from->least};
  }

  ValueId Quantized(const Node& node, int64_t least) {
    const Expr& clipped = ValueOf(node.compute)->operands[0];
    const auto zero = static_cast<double>(-least);
    const Expr bytes = Cast(zero == 0 ? clipped : clipped + Float(zero), DType::kU8);
    return graph_.AddNode(node.name + "_bytes", node.op, node.inputs,
                          WithValue(node.compute, DType::kU8, bytes));
  }

  ByteForm UncenteredForm(const Node& node, const Centering& centering) {
    const ValueId bytes = node.inputs[centering.input];
    const TensorType type = graph_.values[bytes].type;
    if (type.dtype == DType::kU8) return {bytes, -centering.zero_point};
    Compute compute{.name = "map",
                    .inputs = InputBuffers(graph_, {bytes}),
                    .output = MakeBuffer("out", DType::kU8, type.shape),
                    .axes = MakeAxes(type.shape, "i")};
    const Expr byte = Load(compute.inputs[0], Vars(compute.axes));
    compute.body = Cast(Cast(byte, DType::kI16) + Int(128, DType::kI16), DType::kU8);
    const std::string name = graph_.values[bytes].name + "_unsigned";
    return {graph_.AddNode(name, "center", {bytes}, std::move(compute)),
            -128 - centering.zero_point};
  }

  // What maps alone read (a sum's operand) is best kept as other layers have it.
  void NarrowBesides(int at) {
    const Node& node = graph_.nodes[at];
    if (node.workload || !IsMap(node.compute) || graph_.IsOutput(node.output)) return;
    if (!LeastOf(ValueOf(node.compute))) return;
    for (const int reader : graph_.ConsumersOf(node.output)) {
      if (graph_.nodes[reader].workload) return;
    }
    FormOf(node.output);
  }

  // A map of int16 values that are bytes now reads those.
  void ReadBytes(Node& node) {
    if (node.workload || node.compute.procedure != nullptr) return;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const auto it = forms_.find(node.inputs[i]);
      if (it == forms_.end() || graph_.IsOutput(node.inputs[i])) continue;
      const Buffer old = node.compute.inputs[i];
      const Buffer bytes = MakeBuffer(old->name, DType::kU8, old->shape);
      node.compute = Widening(node.compute, old, bytes, it->second.least);
      node.compute.inputs[i] = bytes;
      node.inputs[i] = it->second.bytes;
    }
  }

  // `compute` with `bytes` + least in place of `old`: in floats where it makes floats of them,
  // which epilogues know.
  static Compute Widening(const Compute& compute, const Buffer& old, const Buffer& bytes,
                          int64_t least) {
    const auto in_floats = [&](const Expr& e) -> Expr {
      const bool of_old = e->kind == ExprKind::kCast && e->dtype == DType::kF32 &&
                          e->operands[0]->kind == ExprKind::kLoad && e->operands[0]->buffer == old;
      if (!of_old) return e;
      const Expr byte = Cast(Load(bytes, e->operands[0]->operands), DType::kF32);
      return least == 0 ? byte : byte + Float(static_cast<double>(least));
    };
    return RewriteAll(compute, [&](const Expr& e) {
      return ReplaceLoads(Rewrite(e, in_floats), old, [&](const std::vector<Expr>& position) {
        return Cast(Load(bytes, position), DType::kI16) + Int(least, DType::kI16);
      });
    });
  }

  Graph& graph_;
  std::map<ValueId, ByteForm> forms_;
  std::map<ValueId, ValueId> weights_;
};

}  // namespace

absl::Status NarrowToBytes(Graph& graph, const PassContext& context) {
  if (HasByteDots(context.target)) ByteNarrower(graph).Run();
  return absl::OkStatus();
}

}  // namespace tilewright
