// ai.onnx.ml's support vector machines, in the forms of LIBSVM (kernels between rows and support
// vectors, one machine for each pair of classes) and LIBLINEAR (no support vectors).
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/class_scores.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/pairwise_coupling.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr int64_t kMaxClasses = 4096;

struct Kernel {
  std::string type;
  double gamma = 0, coef0 = 0, degree = 0;
};

absl::StatusOr<Kernel> ReadKernel(OpBuilder& b) {
  Kernel kernel{.type = b.Str("kernel_type", "LINEAR")};
  if (kernel.type != "LINEAR" && kernel.type != "POLY" && kernel.type != "RBF" &&
      kernel.type != "SIGMOID") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown kernel_type \"", kernel.type, "\" (LINEAR, POLY, RBF or SIGMOID)"));
  }
  const std::vector<float> params = b.Floats("kernel_params");
  if (params.empty()) return kernel;
  if (params.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat("kernel_params has ", params.size(),
                                                   " elements, not 3 (gamma, coef0, degree)"));
  }
  kernel.gamma = params[0], kernel.coef0 = params[1], kernel.degree = params[2];
  return kernel;
}

// An attribute as a matrix of so many rows and, unless it is 0, columns.
absl::StatusOr<ValueId> MatrixAttr(OpBuilder& b, const char* name, int64_t rows, int64_t columns) {
  const std::vector<float> values = b.Floats(name);
  const auto found = static_cast<int64_t>(values.size());
  if (rows > 0 && columns > 0 && found / columns == rows && found % columns == 0) {
    return b.Constant(Tensor({DType::kF32, {rows, columns}}, values));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, " has ", found, " elements where ", rows, " x ", columns, " are needed"));
}

// k(x[n], v[s]) for rows of x [N, F] and v [S, F]: [N, S].
absl::StatusOr<ValueId> ApplyKernel(OpBuilder& b, const Kernel& kernel, ValueId x, ValueId v) {
  const TensorType type{DType::kF32, {b.ShapeOf(x)[0], b.ShapeOf(v)[0]}};
  if (kernel.type == "RBF") {
    return b.Emit(
        {.op = "rbf",
         .inputs = {x, v},
         .type = type,
         .body =
             [](const Point& p) {
               const Expr d =
                   p.Load(0, {p.axes[0], p.reduce[0]}) - p.Load(1, {p.axes[1], p.reduce[0]});
               return d * d;
             },
         .reducer = Reducer::kSum,
         .reduce = {b.ShapeOf(x)[1]},
         .result = [&](const Point& p) { return formulas::Exp(p.acc * Float(-kernel.gamma)); }});
  }
  TW_ASSIGN_OR_RETURN(const ValueId dot, MultiplyByTransposed(b, x, v));
  if (kernel.type == "LINEAR") return dot;
  return Map(b, "kernel", {dot}, [&](const Exprs& e) {
    const Expr scaled = e[0] * Float(kernel.gamma) + Float(kernel.coef0);
    if (kernel.type == "SIGMOID") return formulas::Tanh(scaled);
    return Call("pow", {scaled, Float(kernel.degree)}, DType::kF32);
  });
}

// x times rows of weights, plus rho: one for all, or one each.
absl::StatusOr<ValueId> WeighAndShift(OpBuilder& b, ValueId x, ValueId weights, bool one_rho) {
  std::vector<float> rho = b.Floats("rho");
  const auto rows = static_cast<size_t>(b.ShapeOf(weights)[0]);
  if (one_rho && rho.size() > 1) rho = {rho[0]};
  if (rho.size() != (one_rho ? 1 : rows)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rho has ", rho.size(), " elements, not ", one_rho ? 1 : rows));
  }
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyByTransposed(b, x, weights));
  return Map(b, "add_rho", {product, ConstantRow(b, rho)},
             [](const Exprs& v) { return v[0] + v[1]; });
}

absl::StatusOr<Outputs> SvmRegressor(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(ValueId x, FeatureRows(b));
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  const int64_t features = b.ShapeOf(x)[1], supports = b.Int("n_supports", 0);
  if (supports > 0) {
    TW_ASSIGN_OR_RETURN(const Kernel kernel, ReadKernel(b));
    TW_ASSIGN_OR_RETURN(const ValueId v, MatrixAttr(b, "support_vectors", supports, features));
    TW_ASSIGN_OR_RETURN(x, ApplyKernel(b, kernel, x, v));
  }
  TW_ASSIGN_OR_RETURN(const ValueId weights, MatrixAttr(b, "coefficients", 1, b.ShapeOf(x)[1]));
  TW_ASSIGN_OR_RETURN(ValueId y, WeighAndShift(b, x, weights, true));
  if (b.Int("one_class", 0) != 0) {
    TW_ASSIGN_OR_RETURN(y, Map(b, "inlier", {y}, [](const Exprs& v) {
                          return Select(Lt(Float(0), v[0]), Float(1), Float(-1));
                        }));
  }
  return TransformScores(b, y, transform);
}

// The machines of all pairs of classes as weights of the kernels' values [pairs, S]: that of i < j
// has row j - 1 of the coefficients at the vectors of i, and row i at those of j.
absl::StatusOr<ValueId> PairWeights(OpBuilder& b, const std::vector<int64_t>& vectors) {
  const auto classes = static_cast<int64_t>(vectors.size());
  const int64_t supports = std::accumulate(vectors.begin(), vectors.end(), int64_t{0});
  const std::vector<float> from = b.Floats("coefficients");
  if (static_cast<int64_t>(from.size()) != (classes - 1) * supports) {
    return absl::InvalidArgumentError(absl::StrCat("coefficients has ", from.size(),
                                                   " elements where ", classes - 1, " x ", supports,
                                                   " are needed"));
  }
  std::vector<int64_t> begin(vectors.size() + 1, 0);
  std::partial_sum(vectors.begin(), vectors.end(), begin.begin() + 1);
  Tensor weights({DType::kF32, {classes * (classes - 1) / 2, supports}});
  int64_t pair = 0;
  const auto copy = [&](int64_t of_class, int64_t row) {
    for (int64_t s = begin[of_class]; s < begin[of_class + 1]; ++s) {
      weights.as<float>()[pair * supports + s] = from[row * supports + s];
    }
  };
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j, ++pair) copy(i, j - 1), copy(j, i);
  }
  return b.Constant(std::move(weights));
}

// The class that most pairs vote for: of a pair's score above 0 the first, otherwise the second.
absl::StatusOr<ValueId> MostVotes(OpBuilder& b, ValueId scores, int64_t classes) {
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j) first.push_back(i), second.push_back(j);
  }
  const auto pairs = static_cast<int64_t>(first.size());
  const ValueId firsts = b.Constant(Tensor({DType::kI64, {pairs}}, first));
  const ValueId seconds = b.Constant(Tensor({DType::kI64, {pairs}}, second));
  const TensorType type{DType::kI64, {b.ShapeOf(scores)[0], classes}};
  TW_ASSIGN_OR_RETURN(const ValueId votes,
                      b.Emit({.op = "votes",
                              .inputs = {scores, firsts, seconds},
                              .type = type,
                              .body =
                                  [](const Point& p) {
                                    const Expr& pair = p.reduce[0];
                                    const Expr wins = Lt(Float(0), p.Load(0, {p.axes[0], pair}));
                                    const Expr one =
                                        Select(wins, p.Load(1, {pair}), p.Load(2, {pair}));
                                    return Select(Eq(one, p.axes[1]), Int(1), Int(0));
                                  },
                              .reducer = Reducer::kSum,
                              .reduce = {pairs}}));
  return PositionOfExtreme(b, votes, {.axis = 1, .keep = false});
}

// Platt's estimate for each pair of classes, coupled to one for each class.
absl::StatusOr<ValueId> Probabilities(OpBuilder& b, ValueId scores, int64_t classes) {
  const std::vector<float> slope = b.Floats("prob_a"), shift = b.Floats("prob_b");
  const auto pairs = static_cast<size_t>(b.ShapeOf(scores)[1]);
  if (slope.size() != pairs || shift.size() != pairs) {
    return absl::InvalidArgumentError(absl::StrCat("prob_a and prob_b have ", slope.size(), " and ",
                                                   shift.size(), " elements, not ", pairs));
  }
  constexpr double kLeast = 1e-7;  // LIBSVM's
  TW_ASSIGN_OR_RETURN(
      const ValueId of_pairs,
      Map(b, "platt", {scores, ConstantRow(b, slope), ConstantRow(b, shift)}, [](const Exprs& v) {
        const Expr p = formulas::Sigmoid(formulas::Neg(v[0] * v[1] + v[2]));
        return Min(Max(p, Float(kLeast)), Float(1 - kLeast));
      }));
  return CouplePairs(b, of_pairs, classes);
}

absl::StatusOr<Outputs> ClassifyPairs(OpBuilder& b, const ClassLabels& labels,
                                      const std::vector<int64_t>& vectors, ValueId x) {
  TW_ASSIGN_OR_RETURN(const Kernel kernel, ReadKernel(b));
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(const ValueId weights, PairWeights(b, vectors));
  TW_ASSIGN_OR_RETURN(const ValueId v,
                      MatrixAttr(b, "support_vectors", b.ShapeOf(weights)[1], b.ShapeOf(x)[1]));
  TW_ASSIGN_OR_RETURN(const ValueId kernels, ApplyKernel(b, kernel, x, v));
  TW_ASSIGN_OR_RETURN(ValueId scores, WeighAndShift(b, kernels, weights, false));
  TW_ASSIGN_OR_RETURN(const ValueId best, MostVotes(b, scores, labels.count));
  TW_ASSIGN_OR_RETURN(const ValueId label, LabelsAt(b, labels, best));
  if (b.HasAttr("prob_a")) {
    TW_ASSIGN_OR_RETURN(scores, Probabilities(b, scores, labels.count));
  } else if (labels.count == 2) {
    TW_ASSIGN_OR_RETURN(scores, BothScores(b, scores, FirstScore::kNegative));
  }
  TW_ASSIGN_OR_RETURN(const ValueId transformed, TransformScores(b, scores, transform));
  return Outputs({label, transformed});
}

absl::Status CheckVectors(const std::vector<int64_t>& vectors, int64_t classes) {
  bool positive = classes >= 2 && classes <= kMaxClasses;
  for (int64_t each : vectors) positive &= each >= 0 && each <= kMaxElements / kMaxClasses;
  if (positive && static_cast<int64_t>(vectors.size()) == classes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("vectors_per_class has ", vectors.size(),
                                                 " counts for ", classes, " classes (2 to ",
                                                 kMaxClasses, ")"));
}

absl::StatusOr<Outputs> SvmClassifier(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, FeatureRows(b));
  TW_ASSIGN_OR_RETURN(const ClassLabels labels, ReadLabels(b, "classlabels_ints"));
  const std::vector<int64_t> vectors = b.Ints("vectors_per_class", {});
  if (!vectors.empty()) {
    TW_RETURN_IF_ERROR(CheckVectors(vectors, labels.count));
    return ClassifyPairs(b, labels, vectors, x);
  }
  TW_ASSIGN_OR_RETURN(const PostTransform transform, ReadPostTransform(b));
  TW_ASSIGN_OR_RETURN(const ValueId weights,
                      MatrixAttr(b, "coefficients", labels.count, b.ShapeOf(x)[1]));
  TW_ASSIGN_OR_RETURN(const ValueId scores, WeighAndShift(b, x, weights, true));
  return Classify(b, labels, scores, transform);
}

}  // namespace

OpList support_vectors() {
  return {{"ai.onnx.ml.SVMRegressor", 1, 1, SvmRegressor, kModelFeatures},
          {"ai.onnx.ml.SVMClassifier", 1, 1, SvmClassifier, kModelFeatures}};
}

}  // namespace tilewright::onnx_ops
