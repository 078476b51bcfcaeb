// What ai.onnx.ml's classifiers and regressors make of their scores, rows of [N, classes], as in
// ONNX's reference evaluator: transforms, and the label of each row's largest score.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// What the domain's models take as features.
inline constexpr ElementTypes kModelFeatures = {DType::kF32, DType::kF64, DType::kI32, DType::kI64};

enum class PostTransform { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

// The attribute post_transform; InvalidArgument lists those there are.
absl::StatusOr<PostTransform> ReadPostTransform(OpBuilder& b);

// REQUIRES: float scores of rank 2.
absl::StatusOr<ValueId> TransformScores(OpBuilder& b, ValueId scores, PostTransform transform);

// The input's features as rows: [N, F] (a vector is one row) in float32; in float64 where they are
// so and `keeps_double`.
absl::StatusOr<ValueId> FeatureRows(OpBuilder& b, bool keeps_double = false);

// A vector as a constant of the type.
ValueId ConstantRow(OpBuilder& b, const std::vector<float>& values, DType dtype = DType::kF32);

// The score s of the second of two classes [N, 1] as those of both, [N, 2].
enum class FirstScore { kNegative, kComplement };  // -s, 1 - s
absl::StatusOr<ValueId> BothScores(OpBuilder& b, ValueId second, FirstScore first);

// The classes of a classifier.
struct ClassLabels {
  int64_t count = 0;
  std::vector<int64_t> ints;  // empty when they are strings
  Names strings = {};         // empty when they are integers
};
// InvalidArgument unless one of the attributes (`ints` and classlabels_strings) has labels,
// Unimplemented for a single one.
absl::StatusOr<ClassLabels> ReadLabels(OpBuilder& b, std::string_view ints);

// The label at each row's position: int64 [N], or strings.
absl::StatusOr<ValueId> LabelsAt(OpBuilder& b, const ClassLabels& labels, ValueId positions);
// Outputs of a classifier: the label of each row's largest score, and the scores transformed.
// REQUIRES: scores are [N, labels.count].
absl::StatusOr<Outputs> Classify(OpBuilder& b, const ClassLabels& labels, ValueId scores,
                                 PostTransform transform);

}  // namespace tilewright
