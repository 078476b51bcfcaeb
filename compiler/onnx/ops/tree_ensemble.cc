// ai.onnx.ml's tree ensembles. Two classes with the votes of one alone are compared as in ONNX
// Runtime: by -s and s, or by 1 - s and s where no vote is negative.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/class_scores.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/read_forest.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// What a target makes of its leaves' weights; the order is that of TreeEnsemble's numbers.
struct Aggregation {
  const char* name;
  Reducer reducer;
  bool average = false;
};
constexpr Aggregation kAggregations[] = {{"AVERAGE", Reducer::kSum, true},
                                         {"SUM", Reducer::kSum},
                                         {"MIN", Reducer::kMin},
                                         {"MAX", Reducer::kMax}};

constexpr PostTransform kNumberedTransforms[] = {
    PostTransform::kNone, PostTransform::kSoftmax, PostTransform::kLogistic,
    PostTransform::kSoftmaxZero, PostTransform::kProbit};

// One of a list by its number.
template <typename T, size_t N>
absl::StatusOr<T> Numbered(OpBuilder& b, const char* attribute, const T (&list)[N],
                           int64_t otherwise) {
  const int64_t number = b.Int(attribute, otherwise);
  if (number >= 0 && number < static_cast<int64_t>(N)) return list[number];
  return absl::InvalidArgumentError(absl::StrCat(attribute, " is ", number, ", not 0 to ", N - 1));
}

absl::StatusOr<Aggregation> NamedAggregation(OpBuilder& b) {
  const std::string name = b.Str("aggregate_function", "SUM");
  for (const Aggregation& each : kAggregations) {
    if (name == each.name) return each;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown aggregate_function \"", name, "\" (AVERAGE, SUM, MIN or MAX)"));
}

absl::StatusOr<ValueId> AddBase(OpBuilder& b, ValueId scores) {
  TW_ASSIGN_OR_RETURN(const std::vector<double> base, ReadNumbers(b, "base_values"));
  if (base.empty()) return scores;
  const auto found = static_cast<int64_t>(base.size()), targets = b.ShapeOf(scores)[1];
  if (found != 1 && found != targets) {
    return absl::InvalidArgumentError(
        absl::StrCat("base_values has ", found, " elements for ", targets, " targets"));
  }
  Tensor row({b.DTypeOf(scores), {found}});
  for (int64_t i = 0; i < found; ++i) row.Set(i, base[static_cast<size_t>(i)]);
  return Map(b, "add_base", {scores, b.Constant(std::move(row))},
             [](const Exprs& v) { return v[0] + v[1]; });
}

absl::StatusOr<ValueId> Aggregated(OpBuilder& b, Forest forest, const Aggregation& how, ValueId x) {
  forest.reducer = how.reducer;
  TW_ASSIGN_OR_RETURN(const ValueId sums, EvaluateForest(b, forest, x));
  if (!how.average) return sums;
  const auto trees = static_cast<double>(forest.roots.size());
  return Map(b, "average", {sums},
             [&](const Exprs& v) { return Divide(v[0], Const(trees, v[0]->dtype)); });
}

absl::StatusOr<Outputs> TreeEnsembleRegressor(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, FeatureRows(b, true));
  TW_ASSIGN_OR_RETURN(const Aggregation how, NamedAggregation(b));
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(Forest forest, ReadNamedForest(b, "target"));
  forest.targets = b.Int("n_targets", 1);
  TW_ASSIGN_OR_RETURN(ValueId y, Aggregated(b, std::move(forest), how, x));
  TW_ASSIGN_OR_RETURN(y, AddBase(b, y));
  TW_ASSIGN_OR_RETURN(y, TransformScores(b, y, transform));
  return CastTo(b, y, DType::kF32);
}

absl::StatusOr<Outputs> TreeEnsemble(OpBuilder& b) {
  const DType dtype = b.DTypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const ValueId x, FeatureRows(b, true));
  TW_ASSIGN_OR_RETURN(const Aggregation how, Numbered(b, "aggregate_function", kAggregations, 1));
  TW_ASSIGN_OR_RETURN(const PostTransform transform,
                      Numbered(b, "post_transform", kNumberedTransforms, 0));
  TW_ASSIGN_OR_RETURN(Forest forest, ReadIndexedForest(b));
  TW_ASSIGN_OR_RETURN(ValueId y, Aggregated(b, std::move(forest), how, x));
  TW_ASSIGN_OR_RETURN(y, TransformScores(b, y, transform));
  return CastTo(b, y, dtype);
}

// The one of two classes that has votes.
struct OnlyVoted {
  int64_t voted;
  bool all_positive;
};

// Votes of the first class count for the second, and are the scores of both.
absl::StatusOr<Outputs> ClassifyByOne(OpBuilder& b, const ClassLabels& labels, ValueId scores,
                                      const OnlyVoted& votes) {
  const auto [voted, all_positive] = votes;
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(const ValueId score, RangeOf(b, scores, {1, voted, voted + 1}));
  const FirstScore first = all_positive ? FirstScore::kComplement : FirstScore::kNegative;
  TW_ASSIGN_OR_RETURN(const ValueId compared, BothScores(b, score, first));
  TW_ASSIGN_OR_RETURN(const ValueId best,
                      PositionOfExtreme(b, compared, {.axis = 1, .keep = false}));
  TW_ASSIGN_OR_RETURN(const ValueId label, LabelsAt(b, labels, best));
  const bool is_plain = transform == PostTransform::kNone || transform == PostTransform::kProbit;
  if (voted == 0 && is_plain) scores = compared;
  if (voted == 0 && !is_plain) {
    TW_ASSIGN_OR_RETURN(scores, BothScores(b, score, FirstScore::kNegative));
  }
  TW_ASSIGN_OR_RETURN(const ValueId transformed, TransformScores(b, scores, transform));
  return Outputs({label, transformed});
}

absl::StatusOr<Outputs> TreeEnsembleClassifier(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, FeatureRows(b, true));
  TW_ASSIGN_OR_RETURN(const ClassLabels labels, ReadLabels(b, "classlabels_int64s"));
  TW_ASSIGN_OR_RETURN(Forest forest, ReadNamedForest(b, "class"));
  forest.targets = labels.count;
  const std::vector<LeafWeight>& votes = forest.weights;
  if (votes.empty()) return absl::InvalidArgumentError("has no votes (class_weights)");
  const int64_t voted = votes[0].target;
  const bool one = std::all_of(votes.begin(), votes.end(),
                               [&](const LeafWeight& vote) { return vote.target == voted; });
  const bool all_positive = std::all_of(votes.begin(), votes.end(),
                                        [](const LeafWeight& vote) { return vote.weight >= 0; });
  TW_ASSIGN_OR_RETURN(ValueId scores, EvaluateForest(b, forest, x));
  TW_ASSIGN_OR_RETURN(scores, AddBase(b, scores));
  TW_ASSIGN_OR_RETURN(scores, CastTo(b, scores, DType::kF32));
  if (labels.count == 2 && one) return ClassifyByOne(b, labels, scores, {voted, all_positive});
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  return Classify(b, labels, scores, transform);
}

}  // namespace

OpList tree_ensemble() {
  return {{"ai.onnx.ml.TreeEnsemble", 1, 1, TreeEnsemble, {DType::kF16, DType::kF32, DType::kF64}},
          {"ai.onnx.ml.TreeEnsembleRegressor", 1, 1, TreeEnsembleRegressor, kModelFeatures},
          {"ai.onnx.ml.TreeEnsembleClassifier", 1, 1, TreeEnsembleClassifier, kModelFeatures}};
}

}  // namespace tilewright::onnx_ops
