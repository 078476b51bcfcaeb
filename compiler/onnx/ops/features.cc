// ai.onnx.ml's steps on numeric features: Scaler, Normalizer, Binarizer, Imputer,
// ArrayFeatureExtractor and FeatureVectorizer. Results are float32 where the domain says so.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

template <typename T>
Tensor List(DType dtype, const std::vector<T>& values) {
  return Tensor({dtype, {static_cast<int64_t>(values.size())}}, values);
}

// An attribute that lists one number for all features, or one for each.
absl::StatusOr<ValueId> PerFeature(OpBuilder& b, const char* name, const Tensor& list, ValueId x) {
  const int64_t features = b.ShapeOf(x).back();
  if (list.size() == 1) return b.Constant(list.Reshaped({}));
  if (list.size() == features) return b.Constant(list);
  return absl::InvalidArgumentError(
      absl::StrCat(name, " has ", list.size(), " elements for ", features, " features"));
}

absl::StatusOr<ValueId> FloatPerFeature(OpBuilder& b, const char* name, ValueId x) {
  return PerFeature(b, name, List(DType::kF32, b.Floats(name)), x);
}

absl::StatusOr<ValueId> Features(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 1, kMaxRank));
  return CastTo(b, b.Input(0), DType::kF32);
}

// (x - offset) * scale.
absl::StatusOr<Outputs> Scaler(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Features(b));
  TW_ASSIGN_OR_RETURN(const ValueId offset, FloatPerFeature(b, "offset", x));
  TW_ASSIGN_OR_RETURN(const ValueId scale, FloatPerFeature(b, "scale", x));
  return Map(b, "scale", {x, offset, scale}, [](const Exprs& v) { return (v[0] - v[1]) * v[2]; });
}

// Rows divided by their norm; rows of norm 0 stay.
absl::StatusOr<Outputs> Normalizer(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Features(b));
  const std::string norm = b.Str("norm", "MAX");
  if (norm != "MAX" && norm != "L1" && norm != "L2") {
    return absl::InvalidArgumentError(absl::StrCat("unknown norm ", norm, " (MAX, L1 or L2)"));
  }
  AxesReduction r{.op = "norm", .inputs = {x}, .axes = {b.RankOf(x) - 1}};
  if (norm == "MAX") r.reducer = Reducer::kMax;
  if (norm == "L1") r.body = [](const Exprs& v) { return Call("abs", {v[0]}, DType::kF32); };
  if (norm == "L2") {
    r.body = [](const Exprs& v) { return v[0] * v[0]; };
    r.result = [](const Expr& sum) { return Call("sqrt", {sum}, DType::kF32); };
  }
  TW_ASSIGN_OR_RETURN(const ValueId length, ReduceAxes(b, r));
  return Map(b, "normalize", {x, length},
             [](const Exprs& v) { return Select(Eq(v[1], Float(0)), v[0], Divide(v[0], v[1])); });
}

absl::StatusOr<Outputs> Binarizer(OpBuilder& b) {
  const double threshold = b.Float("threshold", 0);
  return Map(b, "binarize", {b.Input(0)}, [threshold](const Exprs& v) {
    const DType dtype = v[0]->dtype;
    return Select(Lt(Const(threshold, dtype), v[0]), Const(1, dtype), Const(0, dtype));
  });
}

// What stands for a missing value (NaN, or a number) is replaced by its feature's.
absl::StatusOr<Outputs> Imputer(OpBuilder& b) {
  const ValueId x = b.Input(0);
  TW_RETURN_IF_ERROR(CheckRank(b, x, 1, kMaxRank));
  if (b.DTypeOf(x) == DType::kI64) {
    const char* const name = "imputed_value_int64s";
    TW_ASSIGN_OR_RETURN(const ValueId imputed,
                        PerFeature(b, name, List(DType::kI64, b.Ints(name, {})), x));
    const int64_t missing = b.Int("replaced_value_int64", 0);
    return Map(b, "impute", {x, imputed},
               [missing](const Exprs& v) { return Select(Eq(v[0], Int(missing)), v[1], v[0]); });
  }
  TW_ASSIGN_OR_RETURN(const ValueId imputed, FloatPerFeature(b, "imputed_value_floats", x));
  const double missing = b.Float("replaced_value_float", 0);
  return Map(b, "impute", {x, imputed}, [missing](const Exprs& v) {
    const Expr is_missing = std::isnan(missing) ? IsNan(v[0]) : Eq(v[0], Float(missing));
    return Select(is_missing, v[1], v[0]);
  });
}

// The features with the given numbers, of the last dimension.
absl::StatusOr<Outputs> ArrayFeatureExtractor(OpBuilder& b) {
  TensorType type = b.TypeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 1, kMaxRank));
  if (!IsInteger(b.DTypeOf(b.Input(1)))) {
    return absl::InvalidArgumentError("feature numbers are no integers");
  }
  TW_ASSIGN_OR_RETURN(const ValueId numbers,
                      Reshape(b, b.Input(1), {NumElements(b.ShapeOf(b.Input(1)))}));
  const int64_t features = type.shape.back();
  type.shape.back() = b.ShapeOf(numbers)[0];
  if (type.shape.size() == 1) type.shape.insert(type.shape.begin(), 1);
  const bool vector = b.RankOf(b.Input(0)) == 1;
  return b.Emit({.op = "extract_features",
                 .inputs = {b.Input(0), numbers},
                 .type = type,
                 .body = [&](const Point& p) {
                   Exprs at(p.axes.begin() + (vector ? 1 : 0), p.axes.end());
                   at.back() = SafeIndex(p.Load(1, {p.axes.back()}), features);
                   return p.Load(0, std::move(at));
                 }});
}

// All inputs' features side by side.
absl::StatusOr<Outputs> FeatureVectorizer(OpBuilder& b) {
  std::vector<ValueId> pieces;
  for (ValueId input : b.Inputs()) {
    TW_RETURN_IF_ERROR(CheckRank(b, input, 1, 2));
    ValueId piece = input;
    if (b.RankOf(piece) == 1) {
      TW_ASSIGN_OR_RETURN(piece, Reshape(b, piece, {1, b.ShapeOf(piece)[0]}));
    }
    TW_ASSIGN_OR_RETURN(pieces.emplace_back(), CastTo(b, piece, DType::kF32));
  }
  return Concatenate(b, pieces, 1);
}

}  // namespace

OpList features() {
  return {{"ai.onnx.ml.Scaler", 1, 1, Scaler, kNumbers},
          {"ai.onnx.ml.Normalizer", 1, 1, Normalizer, kNumbers},
          {"ai.onnx.ml.Binarizer", 1, 1, Binarizer, kNumbers},
          {"ai.onnx.ml.Imputer", 1, 1, Imputer, {DType::kF32, DType::kI64}},
          {"ai.onnx.ml.ArrayFeatureExtractor", 1, 2, ArrayFeatureExtractor},
          {"ai.onnx.ml.FeatureVectorizer", 1, kAllInputs, FeatureVectorizer, kNumbers}};
}

}  // namespace tilewright::onnx_ops
