// Attention of ONNX (opset 23), and ONNX Runtime's Attention and MultiHeadAttention.
#include "compiler/onnx/attention.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// 1 / sqrt(size of a head) unless the node says something else.
double ScaleOf(OpBuilder& b, int64_t size) {
  const double scale = b.Float("scale", 0);
  return scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(size));
}

// Keys or values of earlier calls in front of those of this one, all [batch, heads, length, size].
absl::StatusOr<ValueId> WithPast(OpBuilder& b, size_t past, ValueId now) {
  if (!b.HasInput(past)) return now;
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(past), 4, 4));
  return Concatenate(b, {b.Input(past), now}, 2);
}

// ---- ONNX ----

constexpr size_t kMask = 3, kPastKey = 4, kPastValue = 5, kKeyLengths = 6;

// Three dimensions are split into so many heads.
absl::StatusOr<ValueId> Heads(OpBuilder& b, size_t input, const char* attribute) {
  if (b.RankOf(b.Input(input)) == 4) return b.Input(input);
  return SplitHeads(b, b.Input(input), b.Int(attribute, 0));
}

// A mask over fewer keys hides the others.
absl::StatusOr<ValueId> MaskBias(OpBuilder& b, DType dtype, int64_t keys) {
  ValueId mask = b.Input(kMask);
  TW_RETURN_IF_ERROR(CheckRank(b, mask, 1, 4));
  if (b.DTypeOf(mask) == DType::kBool) {
    TW_ASSIGN_OR_RETURN(mask, MaskToBias(b, mask, kMinusInfinity, dtype));
  }
  TensorType type = b.TypeOf(mask);
  const int64_t given = std::exchange(type.shape.back(), keys);
  if (given == keys || given == 1) return mask;
  if (given > keys) return absl::InvalidArgumentError("the mask is longer than the keys");
  return b.Emit(
      {.op = "attention_mask", .inputs = {mask}, .type = type, .body = [&](const Point& p) {
         Exprs at = p.axes;
         at.back() = Min(at.back(), Int(given - 1));
         const Expr value = p.Load(0, std::move(at));
         return Select(Lt(p.axes.back(), Int(given)), value, Const(kMinusInfinity, value->dtype));
       }});
}

// Hides keys behind each batch entry's own number of them.
absl::StatusOr<ValueId> LengthBias(OpBuilder& b, DType dtype, int64_t batch, int64_t keys) {
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kKeyLengths), {batch}, "nonpad_kv_seqlen"));
  return b.Emit({.op = "attention_lengths",
                 .inputs = {b.Input(kKeyLengths)},
                 .type = {dtype, {batch, 1, 1, keys}},
                 .body = [&](const Point& p) {
                   const Expr length = Cast(p.Load(0, {p.axes[0]}), DType::kI64);
                   return Select(Lt(p.axes[3], length), Const(0, dtype),
                                 Const(kMinusInfinity, dtype));
                 }});
}

// Keys that a query sees by their places: those before (causal) or within so many to either side
// (negative: all). A query's own place is behind the `past` keys, or the last ones that there are.
struct Visible {
  bool causal;
  int64_t left, right, past;
};

// 0 for a key that is seen, else -inf.
absl::StatusOr<ValueId> VisibleBias(OpBuilder& b, const Visible& visible, const Shape& query,
                                    int64_t keys) {
  const bool lengths = b.HasInput(kKeyLengths);
  const DType dtype = b.DTypeOf(b.Input(0));
  std::vector<ValueId> inputs;
  if (lengths) inputs.push_back(b.Input(kKeyLengths));
  return b.Emit({.op = "attention_window",
                 .inputs = inputs,
                 .type = {dtype, {lengths ? query[0] : 1, 1, query[2], keys}},
                 .body = [&](const Point& p) {
                   const Expr past = lengths ? Cast(p.Load(0, {p.axes[0]}), DType::kI64) - query[2]
                                             : Int(visible.past);
                   const Expr place = p.axes[2] + past, &key = p.axes[3];
                   Expr seen = nullptr;
                   if (visible.causal) seen = And(seen, Le(key, place));
                   if (visible.left >= 0) seen = And(seen, Le(place, key + visible.left));
                   if (visible.right >= 0) seen = And(seen, Le(key, place + visible.right));
                   return Select(seen, Const(0, dtype), Const(kMinusInfinity, dtype));
                 }});
}

absl::StatusOr<ValueId> ScoresToShow(OpBuilder& b, const AttentionResult& r) {
  switch (b.Int("qk_matmul_output_mode", 0)) {
    case 0: return r.product;
    case 1: return r.capped;
    case 2: return r.biased;
    case 3: return r.probabilities;
    default: return absl::InvalidArgumentError("qk_matmul_output_mode is not 0 to 3");
  }
}

absl::StatusOr<Outputs> Attention(OpBuilder& b) {
  AttentionInputs a{};
  TW_ASSIGN_OR_RETURN(a.query, Heads(b, 0, "q_num_heads"));
  TW_ASSIGN_OR_RETURN(a.key, Heads(b, 1, "kv_num_heads"));
  TW_ASSIGN_OR_RETURN(a.value, Heads(b, 2, "kv_num_heads"));
  TW_ASSIGN_OR_RETURN(a.key, WithPast(b, kPastKey, a.key));
  TW_ASSIGN_OR_RETURN(a.value, WithPast(b, kPastValue, a.value));
  for (ValueId x : {a.query, a.key}) TW_RETURN_IF_ERROR(CheckRank(b, x, 4, 4));
  const Shape query = b.ShapeOf(a.query), key = b.ShapeOf(a.key);
  const DType dtype = b.DTypeOf(a.query);
  if (b.HasInput(kMask)) {
    TW_ASSIGN_OR_RETURN(a.biases.emplace_back(), MaskBias(b, dtype, key[2]));
  }
  if (b.HasInput(kKeyLengths)) {
    TW_ASSIGN_OR_RETURN(a.biases.emplace_back(), LengthBias(b, dtype, query[0], key[2]));
  }
  a.scale = ScaleOf(b, query[3]);
  a.softcap = b.Float("softcap", 0);
  const int64_t past = b.HasInput(kPastKey) ? b.ShapeOf(b.Input(kPastKey))[2] : 0;
  const Visible visible{.causal = b.Int("is_causal", 0) != 0,
                        .left = b.Int("left_window_size", -1),
                        .right = b.Int("right_window_size", -1),
                        .past = past};
  const bool windows = visible.left >= 0 || visible.right >= 0;
  if (windows || (visible.causal && b.HasInput(kKeyLengths))) {
    TW_ASSIGN_OR_RETURN(a.biases.emplace_back(), VisibleBias(b, visible, query, key[2]));
  } else if (visible.causal) {
    a.causal = past;
  }
  a.empty_rows = !a.biases.empty();
  TW_ASSIGN_OR_RETURN(AttentionResult r, Attend(b, a));
  if (b.RankOf(b.Input(0)) == 3) {
    TW_ASSIGN_OR_RETURN(r.output, JoinHeads(b, r.output));
  }
  TW_ASSIGN_OR_RETURN(const ValueId scores, ScoresToShow(b, r));
  return Outputs({r.output, a.key, a.value, scores});
}

// ---- ONNX Runtime ----

// Its masks add this where it is not told otherwise.
double Masked(OpBuilder& b) { return b.Float("mask_filter_value", -10000); }

// int32 [batch]: the keys that count; or [batch, keys], [batch, queries, keys] with 0 for those
// that do not. As something that broadcasts to the scores.
absl::StatusOr<ValueId> RuntimeMask(OpBuilder& b, ValueId mask, const TensorType& of_query,
                                    int64_t keys) {
  const DType dtype = of_query.dtype;
  const double masked = Masked(b);
  const Shape shape = b.ShapeOf(mask), query = of_query.shape;
  if (!IsInteger(b.DTypeOf(mask))) return absl::InvalidArgumentError("the mask is no integer");
  if (shape == Shape{query[0]}) {
    return b.Emit({.op = "attention_mask",
                   .inputs = {mask},
                   .type = {dtype, {query[0], 1, 1, keys}},
                   .body = [&](const Point& p) {
                     const Expr length = Cast(p.Load(0, {p.axes[0]}), DType::kI64);
                     return Select(Lt(p.axes[3], length), Const(0, dtype), Const(masked, dtype));
                   }});
  }
  Shape four = {shape.empty() ? 1 : shape[0], 1, 1, keys};
  if (shape.size() == 3) four[2] = shape[1];
  if (shape.size() < 2 || shape.size() > 3 || shape.back() != keys) {
    return absl::UnimplementedError(
        absl::StrCat("masks of shape ", ToString(b.TypeOf(mask)), " are not supported"));
  }
  TW_ASSIGN_OR_RETURN(const ValueId bias, MaskToBias(b, mask, masked, dtype));
  return Reshape(b, bias, four);
}

// With the inputs of a mask and of a bias of the scores, which may be absent.
absl::StatusOr<Outputs> RuntimeAttention(OpBuilder& b, AttentionInputs a, size_t mask,
                                         size_t bias) {
  TW_RETURN_IF_ERROR(CheckRank(b, a.query, 4, 4));
  const TensorType query = b.TypeOf(a.query);
  const int64_t keys = b.ShapeOf(a.key)[2];
  if (b.HasInput(mask)) {
    TW_ASSIGN_OR_RETURN(a.biases.emplace_back(), RuntimeMask(b, b.Input(mask), query, keys));
  }
  if (b.HasInput(bias)) a.biases.push_back(b.Input(bias));
  a.scale = ScaleOf(b, query.shape[3]);
  a.masked = Masked(b);
  if (b.Int("unidirectional", 0) != 0) a.causal = keys - query.shape[2];
  TW_ASSIGN_OR_RETURN(const AttentionResult r, Attend(b, a));
  TW_ASSIGN_OR_RETURN(const ValueId joined, JoinHeads(b, r.output));
  return Outputs({joined, a.key, a.value});
}

// x [batch, length, in] by [in, query + key + value features].
absl::StatusOr<ValueId> ProjectAll(OpBuilder& b, ValueId x, ValueId weights) {
  TW_RETURN_IF_ERROR(CheckRank(b, x, 3, 3));
  TW_RETURN_IF_ERROR(CheckRank(b, weights, 2, 2));
  return MultiplyMatrices(b, x, weights);
}

// Query, key and value, of which `all` is the projection, plus a bias.
absl::StatusOr<std::vector<ValueId>> SplitProjection(OpBuilder& b, ValueId all) {
  const int64_t features = b.ShapeOf(all)[2];
  if (b.HasInput(2)) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {features}, "bias"));
    TW_RETURN_IF_ERROR(CheckSameType(b, {all, b.Input(2)}));
    TW_ASSIGN_OR_RETURN(
        all, Map(b, "add", {all, b.Input(2)}, [](const Exprs& x) { return x[0] + x[1]; }));
  }
  const std::vector<int64_t> sizes =
      b.Ints("qkv_hidden_sizes", {features / 3, features / 3, features / 3});
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] < 1 || sizes[2] < 1 || sizes[0] > features ||
      sizes[1] > features || sizes[2] > features || sizes[0] + sizes[1] + sizes[2] != features) {
    return absl::InvalidArgumentError(
        absl::StrCat("qkv_hidden_sizes do not fit the weights' ", features, " columns"));
  }
  std::vector<ValueId> parts;
  int64_t begin = 0;
  for (int64_t size : sizes) {
    TW_ASSIGN_OR_RETURN(parts.emplace_back(), RangeOf(b, all, {2, begin, begin + size}));
    begin += size;
  }
  return parts;
}

// Which inputs have what attention of a projection may take; past is [2, batch, heads, length,
// size].
struct JoinedInputs {
  size_t mask, past, bias;
};

// Attention of query, key and value that are projected together, to which input 2 is added.
absl::StatusOr<Outputs> AttendJoined(OpBuilder& b, ValueId projected, const JoinedInputs& in) {
  if (b.Int("do_rotary", 0) != 0) return absl::UnimplementedError("do_rotary is not supported");
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> parts, SplitProjection(b, projected));
  const int64_t heads = b.Int("num_heads", 0);
  AttentionInputs a{};
  TW_ASSIGN_OR_RETURN(a.query, SplitHeads(b, parts[0], heads));
  TW_ASSIGN_OR_RETURN(a.key, SplitHeads(b, parts[1], heads));
  TW_ASSIGN_OR_RETURN(a.value, SplitHeads(b, parts[2], heads));
  if (b.HasInput(in.past)) {
    const ValueId past = b.Input(in.past);
    TW_RETURN_IF_ERROR(CheckRank(b, past, 5, 5));
    if (b.ShapeOf(past)[0] != 2) return absl::InvalidArgumentError("past is not of 2 parts");
    TW_ASSIGN_OR_RETURN(const ValueId past_key, ElementAt(b, past, 0, 0));
    TW_ASSIGN_OR_RETURN(const ValueId past_value, ElementAt(b, past, 0, 1));
    TW_ASSIGN_OR_RETURN(a.key, Concatenate(b, {past_key, a.key}, 2));
    TW_ASSIGN_OR_RETURN(a.value, Concatenate(b, {past_value, a.value}, 2));
  }
  TW_ASSIGN_OR_RETURN(const Outputs out, RuntimeAttention(b, a, in.mask, in.bias));
  if (b.num_outputs() < 2) return out;
  TW_ASSIGN_OR_RETURN(const ValueId present, Stack(b, {a.key, a.value}, 0));
  return Outputs({out.values[0], present});
}

// Inputs: x, weights, bias, mask, past, bias of the scores.
absl::StatusOr<Outputs> JoinedAttention(OpBuilder& b) {
  if (b.HasInput(6)) return absl::UnimplementedError("past_sequence_length is not supported");
  TW_ASSIGN_OR_RETURN(const ValueId projected, ProjectAll(b, b.Input(0), b.Input(1)));
  return AttendJoined(b, projected, {.mask = 3, .past = 4, .bias = 5});
}

// Inputs: x and weights of 8 bits, bias, their scales, mask, their zero points, past.
absl::StatusOr<Outputs> QuantizedAttention(OpBuilder& b) {
  constexpr size_t kAbsent = 9;
  TW_ASSIGN_OR_RETURN(const ValueId x, Centered(b, b.Input(0), OptionalInput(b, 6), 0));
  TW_ASSIGN_OR_RETURN(const ValueId weights, Centered(b, b.Input(1), OptionalInput(b, 7), 1));
  TW_ASSIGN_OR_RETURN(const ValueId sums, ProjectAll(b, x, weights));
  TW_ASSIGN_OR_RETURN(const ValueId projected, ScaledSums(b, sums, {b.Input(3), b.Input(4)}));
  return AttendJoined(b, projected, {.mask = 5, .past = 8, .bias = kAbsent});
}

// Part `i` of three of a bias over query, key and value, added.
absl::StatusOr<ValueId> AddPart(OpBuilder& b, ValueId x, size_t bias, int64_t begin) {
  if (!b.HasInput(bias)) return x;
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(bias), 1, 1));
  const int64_t size = b.ShapeOf(x).back();
  if (begin + size > b.ShapeOf(b.Input(bias))[0]) {
    return absl::InvalidArgumentError("bias is shorter than query, key and value together");
  }
  TW_ASSIGN_OR_RETURN(const ValueId part, RangeOf(b, b.Input(bias), {0, begin, begin + size}));
  TW_RETURN_IF_ERROR(CheckSameType(b, {x, part}));
  return Map(b, "add", {x, part}, [](const Exprs& v) { return v[0] + v[1]; });
}

// Inputs: query, key, value, bias, key padding mask, bias of the scores, past key, past value. Key
// and value may be split into heads already.
absl::StatusOr<Outputs> MultiHeadAttention(OpBuilder& b) {
  if (!b.HasInput(1) || !b.HasInput(2)) {
    return absl::UnimplementedError("packed query, key and value are not supported");
  }
  const int64_t heads = b.Int("num_heads", 0);
  AttentionInputs a{};
  ValueId* const parts[] = {&a.query, &a.key, &a.value};
  int64_t begin = 0;
  for (size_t i = 0; i < 3; ++i) {
    TW_RETURN_IF_ERROR(CheckRank(b, b.Input(i), 3, 4));
    if (b.RankOf(b.Input(i)) == 4) {
      if (b.HasInput(3)) return absl::UnimplementedError("a bias on split heads is not supported");
      *parts[i] = b.Input(i);
      continue;
    }
    TW_ASSIGN_OR_RETURN(const ValueId x, AddPart(b, b.Input(i), 3, begin));
    begin += b.ShapeOf(x).back();
    TW_ASSIGN_OR_RETURN(*parts[i], SplitHeads(b, x, heads));
  }
  TW_ASSIGN_OR_RETURN(a.key, WithPast(b, 6, a.key));
  TW_ASSIGN_OR_RETURN(a.value, WithPast(b, 7, a.value));
  return RuntimeAttention(b, a, 4, 5);
}

// One token's attention. Inputs: query, key, value, mask, bias of the scores, past key, past value,
// three of buffers that are shared with the past or of beams, bias.
absl::StatusOr<Outputs> DecoderAttention(OpBuilder& b) {
  if (b.Int("past_present_share_buffer", 0) != 0 || b.HasInput(8) || b.HasInput(9)) {
    return absl::UnimplementedError("caches that are shared buffers or of beams are not supported");
  }
  OpBuilder reordered = b.WithInputs(
      {b.Input(0), OptionalInput(b, 1), OptionalInput(b, 2), OptionalInput(b, 10),
       OptionalInput(b, 3), OptionalInput(b, 4), OptionalInput(b, 5), OptionalInput(b, 6)});
  const absl::StatusOr<Outputs> outputs = MultiHeadAttention(reordered);
  TW_RETURN_IF_ERROR(reordered.status());
  return outputs;
}

}  // namespace

OpList attention() {
  return {{"Attention", 23, 3, Attention, kFloats},
          {"com.microsoft.Attention", 1, 2, JoinedAttention, kFloats},
          {"com.microsoft.QAttention", 1, 5, QuantizedAttention, kBytes},
          {"com.microsoft.MultiHeadAttention", 1, 1, MultiHeadAttention, kFloats},
          {"com.microsoft.DecoderMaskedMultiHeadAttention", 1, 1, DecoderAttention, kFloats}};
}

}  // namespace tilewright::onnx_ops
