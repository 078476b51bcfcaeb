// ONNX Runtime's normalisations with a residual sum or an embedding in front of them.
#include "base/status_macros.h"
#include "compiler/onnx/normalize.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

ValueId Optional(const OpBuilder& b, size_t i) { return b.HasInput(i) ? b.Input(i) : kNoValue; }

// x + skip + bias, of x's shape.
absl::StatusOr<ValueId> SkipSum(OpBuilder& b, ValueId bias) {
  std::vector<ValueId> terms = {b.Input(0), b.Input(1)};
  if (bias != kNoValue) terms.push_back(bias);
  TW_RETURN_IF_ERROR(CheckSameType(b, terms));
  TW_ASSIGN_OR_RETURN(const ValueId sum, Map(b, "skip_sum", terms, [](const Exprs& x) {
                        return x.size() > 2 ? x[0] + x[1] + x[2] : x[0] + x[1];
                      }));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, sum, b.ShapeOf(b.Input(0)), "the sum"));
  TW_RETURN_IF_ERROR(CheckRank(b, sum, 1, kMaxRank));
  return sum;
}

// ONNX Runtime's default, which is not ONNX's.
double Epsilon(OpBuilder& b) { return b.Float("epsilon", 1e-12); }

absl::StatusOr<Outputs> SkipLayerNormalization(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId sum, SkipSum(b, Optional(b, 4)));
  const size_t rank = b.RankOf(sum);
  TW_ASSIGN_OR_RETURN(const Moments m, FindMoments(b, sum, {rank - 1}, Epsilon(b)));
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalize(b, sum, m, {b.Input(2), Optional(b, 3)}));
  return Outputs({y, m.mean, m.inverse_deviation, sum});
}

absl::StatusOr<Outputs> SkipSimplifiedLayerNormalization(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId sum, SkipSum(b, Optional(b, 3)));
  const size_t rank = b.RankOf(sum);
  TW_ASSIGN_OR_RETURN(const ValueId inverse, InverseRootMeanSquare(b, sum, {rank - 1}, Epsilon(b)));
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalize(b, sum, {kNoValue, inverse}, {b.Input(2)}));
  return Outputs({y, kNoValue, inverse, sum});
}

// Inputs of EmbedLayerNormalization.
constexpr size_t kIds = 0, kSegments = 1, kWords = 2, kPositions = 3, kSegmentRows = 4, kGamma = 5,
                 kBeta = 6, kMask = 7, kPositionIds = 8;

// The sum of a word's row, its position's and its segment's.
absl::StatusOr<ValueId> Embed(OpBuilder& b) {
  const Shape ids = b.ShapeOf(b.Input(kIds));
  const TensorType words = b.TypeOf(b.Input(kWords));
  std::vector<ValueId> inputs = {b.Input(kIds), b.Input(kWords), b.Input(kPositions)};
  const bool segments = b.HasInput(kSegments) && b.HasInput(kSegmentRows);
  const bool positions = b.HasInput(kPositionIds);
  if (segments) inputs.insert(inputs.end(), {b.Input(kSegments), b.Input(kSegmentRows)});
  if (positions) inputs.push_back(b.Input(kPositionIds));
  const int64_t rows = b.ShapeOf(b.Input(kPositions))[0];
  if (!positions && rows < ids[1]) {
    return absl::InvalidArgumentError("there are fewer positions than the sequence is long");
  }
  return b.Emit({.op = "embed",
                 .inputs = inputs,
                 .type = {words.dtype, {ids[0], ids[1], words.shape[1]}},
                 .body = [&](const Point& p) {
                   const Exprs here = {p.axes[0], p.axes[1]};
                   const auto row = [&](size_t table, Expr index) {
                     const int64_t extent = p.in[table]->shape[0];
                     return p.Load(table, {SafeIndex(std::move(index), extent), p.axes[2]});
                   };
                   const size_t last = inputs.size() - 1;
                   const Expr position =
                       positions
                           ? p.Load(last, {p.in[last]->shape[0] == 1 ? Int(0) : here[0], here[1]})
                           : here[1];
                   const Expr sum = row(1, p.Load(0, here)) + row(2, position);
                   return segments ? sum + row(4, p.Load(3, here)) : sum;
                 }});
}

absl::Status CheckEmbedding(const OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kIds), 2, 2));
  const Shape ids = b.ShapeOf(b.Input(kIds));
  std::vector<ValueId> tables = {b.Input(kWords), b.Input(kPositions)};
  if (b.HasInput(kSegmentRows)) tables.push_back(b.Input(kSegmentRows));
  if (!IsFloat(b.DTypeOf(b.Input(kWords)))) {  // the row's types are those of input_ids
    return absl::InvalidArgumentError("the embedding of words is not a float tensor");
  }
  TW_RETURN_IF_ERROR(CheckSameType(b, tables));
  for (ValueId table : tables) {
    TW_RETURN_IF_ERROR(CheckRank(b, table, 2, 2));
    const Shape expected = {b.ShapeOf(table)[0], b.ShapeOf(b.Input(kWords))[1]};
    TW_RETURN_IF_ERROR(CheckShapeIs(b, table, expected, "an embedding"));
  }
  for (size_t i : {kSegments, kMask}) {
    if (b.HasInput(i)) TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(i), ids, "an input"));
  }
  if (!b.HasInput(kPositionIds)) return absl::OkStatus();
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kPositionIds), 2, 2));
  const Shape positions = b.ShapeOf(b.Input(kPositionIds));
  if (positions[1] == ids[1] && (positions[0] == ids[0] || positions[0] == 1)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("position_ids do not fit input_ids");
}

// How many words of every sequence the mask keeps; 0 without one.
absl::StatusOr<ValueId> MaskIndex(OpBuilder& b) {
  if (b.HasInput(kMask)) {
    return ReduceAxes(b,
                      {.op = "mask_index", .inputs = {b.Input(kMask)}, .axes = {1}, .keep = false});
  }
  return b.Constant(Tensor({DType::kI32, {b.ShapeOf(b.Input(kIds))[0]}}));
}

absl::StatusOr<Outputs> EmbedLayerNormalization(OpBuilder& b) {
  for (size_t i : {kWords, kPositions, kGamma, kBeta}) {
    if (!b.HasInput(i)) return absl::InvalidArgumentError("lacks an embedding, gamma or beta");
  }
  TW_RETURN_IF_ERROR(CheckEmbedding(b));
  TW_ASSIGN_OR_RETURN(const ValueId sum, Embed(b));
  TW_ASSIGN_OR_RETURN(const Moments m, FindMoments(b, sum, {2}, Epsilon(b)));
  TW_ASSIGN_OR_RETURN(const ValueId y, Normalize(b, sum, m, {b.Input(kGamma), b.Input(kBeta)}));
  TW_ASSIGN_OR_RETURN(const ValueId mask, MaskIndex(b));
  return Outputs({y, mask, sum});
}

}  // namespace

OpList skip_normalization() {
  return {{"com.microsoft.SkipLayerNormalization", 1, 3, SkipLayerNormalization, kFloats},
          {"com.microsoft.SkipSimplifiedLayerNormalization", 1, 3, SkipSimplifiedLayerNormalization,
           kFloats},
          {"com.microsoft.EmbedLayerNormalization", 1, 1, EmbedLayerNormalization, kSizes}};
}

}  // namespace tilewright::onnx_ops
