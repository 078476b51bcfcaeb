// ONNX Runtime's GroupQueryAttention: several heads of the query share one of the key, which is put
// behind the keys of earlier calls where the run says each sequence ends.
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/attention.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/quantized.h"
#include "compiler/onnx/rotary.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr size_t kPast = 3, kSeqLensK = 5, kTotal = 6, kCos = 7, kSin = 8, kPositions = 9,
                 kScoreBias = 10, kHeadSink = 11;

struct GroupQuery {
  int64_t heads, key_heads, length;
  int64_t past = 0;  // room of the earlier keys
  int64_t room = 0;  // of all keys
  ValueId start;     // int64 [batch]: how many keys there were before
};

absl::Status CheckGroupQuery(OpBuilder& b) {
  for (const char* attribute : {"smooth_softmax", "qk_output", "k_quant_type", "v_quant_type"}) {
    const onnx::AttributeProto* found = b.Find(attribute);
    if (found == nullptr || (found->i() <= 0 && (found->s().empty() || found->s() == "NONE"))) {
      continue;
    }
    return absl::UnimplementedError(absl::StrCat("attribute ", attribute, " is not supported"));
  }
  if (b.HasInput(kHeadSink)) return absl::UnimplementedError("head_sink is not supported");
  if (b.HasInput(1) != b.HasInput(2) || b.HasInput(kPast) != b.HasInput(kPast + 1)) {
    return absl::InvalidArgumentError("key and value, and their past, must be given together");
  }
  for (size_t i : {kSeqLensK, kTotal}) {
    if (!b.HasInput(i)) {
      return absl::InvalidArgumentError("lacks seqlens_k or total_sequence_length");
    }
    if (!IsInteger(b.DTypeOf(b.Input(i)))) {
      return absl::InvalidArgumentError("seqlens_k or total_sequence_length is no integer");
    }
  }
  return CheckRank(b, b.Input(0), 3, 3);
}

// Query, key and value as [batch, heads, length, size]; one input may hold all three.
absl::StatusOr<std::vector<ValueId>> SplitGroups(OpBuilder& b, const GroupQuery& g) {
  std::vector<ValueId> parts = {b.Input(0)};
  if (b.HasInput(1)) {
    parts.insert(parts.end(), {b.Input(1), b.Input(2)});
  } else {
    const int64_t features = b.ShapeOf(parts[0])[2], all = g.heads + 2 * g.key_heads;
    if (features % all != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(features, " features are no multiple of ", all, " heads"));
    }
    const int64_t size = features / all, key = g.heads * size, value = key + g.key_heads * size;
    TW_ASSIGN_OR_RETURN(const ValueId keys, RangeOf(b, parts[0], {2, key, value}));
    TW_ASSIGN_OR_RETURN(const ValueId values, RangeOf(b, parts[0], {2, value, features}));
    TW_ASSIGN_OR_RETURN(const ValueId query, RangeOf(b, parts[0], {2, 0, key}));
    parts = {query, keys, values};
  }
  for (size_t i = 0; i < 3; ++i) {
    TW_ASSIGN_OR_RETURN(parts[i], SplitHeads(b, parts[i], i == 0 ? g.heads : g.key_heads));
  }
  return parts;
}

// A first prompt has no earlier keys and may be padded on the right; later calls follow the keys
// that seqlens_k (each sequence's total less one) says there are.
absl::StatusOr<ValueId> StartOf(OpBuilder& b, const GroupQuery& g) {
  const int64_t batch = b.ShapeOf(b.Input(0))[0];
  TW_ASSIGN_OR_RETURN(const ValueId lengths, Reshape(b, b.Input(kSeqLensK), {batch}));
  TW_ASSIGN_OR_RETURN(const ValueId total, Reshape(b, b.Input(kTotal), {}));
  return Map(b, "attention_start", {lengths, total}, [&](const Exprs& v) {
    const Expr before = Cast(v[0], DType::kI64) + (1 - g.length);
    const Expr prompt = Le(Cast(v[1], DType::kI64), Int(g.length));
    return Select(prompt, Int(0), Min(Max(before, Int(0)), Int(g.past)));
  });
}

// Without the total there is room for the past and what is new.
int64_t RoomOf(const OpBuilder& b, const GroupQuery& g) {
  const absl::StatusOr<Tensor> total = b.ConstValue(b.Input(kTotal));
  if (!total.ok() || total->size() != 1) return g.past + g.length;
  return std::max({g.past, total->AsInt(0), g.length});
}

// x turned by the angles of its positions.
absl::StatusOr<ValueId> Turn(OpBuilder& b, const GroupQuery& g, ValueId x) {
  const int64_t batch = b.ShapeOf(x)[0];
  ValueId positions = b.HasInput(kPositions) ? b.Input(kPositions) : kNoValue;
  if (positions == kNoValue) {
    TW_ASSIGN_OR_RETURN(
        positions,
        b.Emit({.op = "attention_positions",
                .inputs = {g.start},
                .type = {DType::kI64, {batch, g.length}},
                .body = [](const Point& p) { return p.Load(0, {p.axes[0]}) + p.axes[1]; }}));
  }
  if (!b.HasInput(kCos) || !b.HasInput(kSin)) {
    return absl::InvalidArgumentError("do_rotary needs cos_cache and sin_cache");
  }
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kCos), 2, 2));
  const Rotary rotary{.x = x,
                      .cosine = b.Input(kCos),
                      .sine = b.Input(kSin),
                      .positions = positions,
                      .rotated = 2 * b.ShapeOf(b.Input(kCos))[1],
                      .heads_first = true};
  return Rotate(b, rotary, b.Int("rotary_interleaved", 0) != 0);
}

// The earlier keys (or values) with those of this call behind each sequence's own end.
absl::StatusOr<ValueId> Append(OpBuilder& b, const GroupQuery& g, size_t past, ValueId now) {
  TensorType type = b.TypeOf(now);
  type.shape[2] = g.room;
  std::vector<ValueId> inputs = {now, g.start};
  if (g.past > 0) inputs.push_back(b.Input(past));
  TW_RETURN_IF_ERROR(CheckSameType(b, {now, inputs.back() == g.start ? now : inputs.back()}));
  if (g.past > 0) {
    Shape expected = type.shape;
    expected[2] = g.past;
    TW_RETURN_IF_ERROR(CheckShapeIs(b, inputs[2], expected, "past"));
  }
  return b.Emit(
      {.op = "attention_append", .inputs = inputs, .type = type, .body = [&](const Point& p) {
         const Expr offset = p.axes[2] - p.Load(1, {p.axes[0]});
         Exprs at = p.axes;
         at[2] = Min(Max(offset, Int(0)), Int(g.length - 1));
         const Expr fresh = p.Load(0, at);
         const Expr zero = Const(0, fresh->dtype);
         Expr before = zero;
         if (g.past > 0) {
           at[2] = Min(p.axes[2], Int(g.past - 1));
           before = Select(Lt(p.axes[2], Int(g.past)), p.Load(2, at), zero);
         }
         const Expr is_new = And(Le(Int(0), offset), Lt(offset, Int(g.length)));
         return Select(is_new, fresh, before);
       }});
}

// Query i of a sequence sees the keys up to its own place, of these those in the window.
absl::StatusOr<ValueId> CausalBias(OpBuilder& b, const GroupQuery& g, int64_t batch, DType dtype) {
  const int64_t window = b.Int("local_window_size", -1);
  return b.Emit({.op = "attention_mask",
                 .inputs = {g.start},
                 .type = {dtype, {batch, 1, g.length, g.room}},
                 .body = [&](const Point& p) {
                   const Expr place = p.Load(0, {p.axes[0]}) + p.axes[2];
                   Expr seen = Le(p.axes[3], place);
                   if (window > 0) seen = And(seen, Lt(place - window, p.axes[3]));
                   return Select(seen, Const(0, dtype),
                                 Const(-std::numeric_limits<double>::infinity(), dtype));
                 }});
}

absl::StatusOr<Outputs> GroupQueryAttention(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckGroupQuery(b));
  GroupQuery g{.heads = b.Int("num_heads", 0), .key_heads = b.Int("kv_num_heads", 0)};
  if (g.heads < 1 || g.key_heads < 1 || g.heads % g.key_heads != 0) {
    return absl::InvalidArgumentError("num_heads must be a multiple of kv_num_heads");
  }
  g.length = b.ShapeOf(b.Input(0))[1];
  if (b.HasInput(kPast)) {
    TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kPast), 4, 4));
    g.past = b.ShapeOf(b.Input(kPast))[2];
  }
  g.room = RoomOf(b, g);
  TW_ASSIGN_OR_RETURN(g.start, StartOf(b, g));
  TW_ASSIGN_OR_RETURN(std::vector<ValueId> parts, SplitGroups(b, g));
  if (b.Int("do_rotary", 0) != 0) {
    for (size_t i : {0, 1}) {
      TW_ASSIGN_OR_RETURN(parts[i], Turn(b, g, parts[i]));
    }
  }
  AttentionInputs a{.query = parts[0]};
  TW_ASSIGN_OR_RETURN(a.key, Append(b, g, kPast, parts[1]));
  TW_ASSIGN_OR_RETURN(a.value, Append(b, g, kPast + 1, parts[2]));
  const Shape query = b.ShapeOf(a.query);
  TW_ASSIGN_OR_RETURN(a.biases.emplace_back(), CausalBias(b, g, query[0], b.DTypeOf(a.query)));
  if (b.HasInput(kScoreBias)) a.biases.push_back(b.Input(kScoreBias));
  const double scale = b.Float("scale", 0);
  a.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(query[3]));
  a.softcap = b.Float("softcap", 0);
  TW_ASSIGN_OR_RETURN(const AttentionResult r, Attend(b, a));
  TW_ASSIGN_OR_RETURN(const ValueId joined, JoinHeads(b, r.output));
  return Outputs({joined, a.key, a.value});
}

}  // namespace

OpList group_query_attention() {
  return {{"com.microsoft.GroupQueryAttention", 1, 1, GroupQueryAttention, kFloats}};
}

}  // namespace tilewright::onnx_ops
