// ai.onnx.ml's linear models: features [N, F] by coefficients [targets, F], plus intercepts.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/class_scores.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<ValueId> LinearScores(OpBuilder& b, int64_t targets) {
  TW_ASSIGN_OR_RETURN(const ValueId x, FeatureRows(b));
  const std::vector<float> coefficients = b.Floats("coefficients");
  const std::vector<float> intercepts = b.Floats("intercepts");
  const auto found = static_cast<int64_t>(coefficients.size());
  const int64_t features = b.ShapeOf(x)[1];
  if (targets < 1 || targets > found || found != targets * features) {
    return absl::InvalidArgumentError(absl::StrCat("has ", found, " coefficients for ", targets,
                                                   " targets of ", features, " features"));
  }
  const ValueId weight = b.Constant(Tensor({DType::kF32, {targets, features}}, coefficients));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyByTransposed(b, x, weight));
  if (intercepts.empty()) return product;
  if (static_cast<int64_t>(intercepts.size()) != targets) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", intercepts.size(), " intercepts for ", targets, " targets"));
  }
  return Map(b, "add", {product, ConstantRow(b, intercepts)},
             [](const Exprs& v) { return v[0] + v[1]; });
}

absl::StatusOr<Outputs> LinearRegressor(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(const ValueId y, LinearScores(b, b.Int("targets", 1)));
  return TransformScores(b, y, transform);
}

// One score for two classes is that of the second.
absl::StatusOr<Outputs> LinearClassifier(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(const ClassLabels labels, ReadLabels(b, "classlabels_ints"));
  const int64_t features = b.ShapeOf(b.Input(0)).empty() ? 0 : b.ShapeOf(b.Input(0)).back();
  const auto coefficients = static_cast<int64_t>(b.Floats("coefficients").size());
  const bool one = labels.count == 2 && coefficients == features;
  TW_ASSIGN_OR_RETURN(ValueId scores, LinearScores(b, one ? 1 : labels.count));
  if (one) {
    TW_ASSIGN_OR_RETURN(scores, BothScores(b, scores, FirstScore::kNegative));
  }
  return Classify(b, labels, scores, transform);
}

}  // namespace

OpList linear_model() {
  return {{"ai.onnx.ml.LinearRegressor", 1, 1, LinearRegressor, kModelFeatures},
          {"ai.onnx.ml.LinearClassifier", 1, 1, LinearClassifier, kModelFeatures}};
}

}  // namespace tilewright::onnx_ops
