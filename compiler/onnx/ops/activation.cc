// Activation functions: elementwise, most with parameters given as attributes.
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using namespace formulas;  // NOLINT: the formulas are what this file is about

using Formula = std::function<Expr(const Expr& x, double alpha, double beta)>;

struct Parameter {
  const char* name;
  double value;
};

// y = formula(x, alpha, beta), whose parameters are float attributes.
struct Activation {
  const char* op_type;
  int64_t since;
  const char* name;
  Formula formula;
  Parameter alpha = {"", 0}, beta = {"", 0};
};

OpRow Row(const Activation& f) {
  return {f.op_type, f.since, 1,
          [f](OpBuilder& b) -> absl::StatusOr<Outputs> {
            const double a = *f.alpha.name ? b.Float(f.alpha.name, f.alpha.value) : f.alpha.value;
            const double c = *f.beta.name ? b.Float(f.beta.name, f.beta.value) : f.beta.value;
            return Map(b, f.name, {b.Input(0)},
                       [&](const Exprs& x) { return f.formula(x[0], a, c); });
          },
          f.op_type == std::string_view("Relu") ? kNumbers : kFloats};
}

absl::StatusOr<Outputs> PRelu(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  return Map(b, "prelu", {b.Input(0), b.Input(1)},
             [](const Exprs& x) { return Select(Lt(x[0], Lit(x[0], 0)), x[0] * x[1], x[0]); });
}

absl::StatusOr<Outputs> GeluOf(OpBuilder& b) {
  const bool tanh = b.Str("approximate", "none") == "tanh";
  return Map(b, "gelu", {b.Input(0)},
             [tanh](const Exprs& x) { return tanh ? GeluByTanh(x[0]) : Gelu(x[0]); });
}

// Selu's defaults are the published constants (Klambauer et al., 2017) as ONNX writes them.
constexpr Parameter kSeluAlpha{"alpha", 1.67326319217681884765625};
constexpr Parameter kSeluGamma{"gamma", 1.05070102214813232421875};

// Of integers in float64, whose fraction is lost.
absl::StatusOr<Outputs> Shrink(OpBuilder& b) {
  const double lambd = b.Float("lambd", 0.5), bias = b.Float("bias", 0);
  return Map(b, "shrink", {b.Input(0)}, [lambd, bias](const Exprs& v) {
    const DType type = v[0]->dtype;
    const Expr x = IsFloat(type) ? v[0] : Cast(v[0], DType::kF64);
    const Expr below = Select(Lt(x, Lit(x, -lambd)), x + Lit(x, bias), Lit(x, 0));
    return Cast(Select(Lt(Lit(x, lambd), x), x - Lit(x, bias), below), type);
  });
}

OpList Parametric() {
  return {
      Row({"LeakyRelu",
           6,
           "leaky_relu",
           [](const Expr& x, double a, double) { return IfPositive(x, x, x * Lit(x, a)); },
           {"alpha", 0.01}}),
      Row({"Elu",
           6,
           "elu",
           [](const Expr& x, double a, double) { return IfPositive(x, x, ExpLinear(x, a)); },
           {"alpha", 1}}),
      Row({"Celu",
           12,
           "celu",
           [](const Expr& x, double a, double) {
             return IfPositive(x, x, ExpLinear(Divide(x, Lit(x, a)), a));
           },
           {"alpha", 1}}),
      Row({"Selu", 6, "selu",
           [](const Expr& x, double a, double g) {
             return IfPositive(x, x, ExpLinear(x, a)) * Lit(x, g);
           },
           kSeluAlpha, kSeluGamma}),
      Row({"HardSigmoid",
           6,
           "hard_sigmoid",
           [](const Expr& x, double a, double c) { return ClampUnit(x * Lit(x, a) + Lit(x, c)); },
           {"alpha", 0.2},
           {"beta", 0.5}}),
      Row({"ThresholdedRelu",
           10,
           "thresholded_relu",
           [](const Expr& x, double a, double) { return Select(Lt(Lit(x, a), x), x, Lit(x, 0)); },
           {"alpha", 1}}),
      {"Shrink", 9, 1, Shrink, kNumbers}};
}

absl::StatusOr<Outputs> SwiGlu(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  const double alpha = b.Float("alpha", 1);
  return Map(b, "swiglu", {b.Input(0), b.Input(1)},
             [alpha](const Exprs& x) { return QuickGelu(x[0], alpha) * x[1]; });
}

OpList Plain() {
  return {
      Row({"Relu", 6, "relu", [](const Expr& x, double, double) { return Max(x, Lit(x, 0)); }}),
      Row({"Sigmoid", 6, "sigmoid", [](const Expr& x, double, double) { return Sigmoid(x); }}),
      Row({"Softplus", 1, "softplus", [](const Expr& x, double, double) { return Softplus(x); }}),
      Row({"Softsign", 1, "softsign",
           [](const Expr& x, double, double) { return Divide(x, Lit(x, 1) + Abs(x)); }}),
      Row({"HardSwish", 14, "hard_swish",
           [](const Expr& x, double, double) {
             return x * ClampUnit(x * Lit(x, 1.0 / 6) + Lit(x, 0.5));
           }}),
      Row({"Mish", 18, "mish",
           [](const Expr& x, double, double) { return x * Tanh(Softplus(x)); }}),
      {"PRelu", 7, 2, PRelu, kNumbers},
      {"Gelu", 20, 1, GeluOf, kFloats},
      {"SwiGLU", 28, 2, SwiGlu, kFloats},
      Row({"Swish",
           24,
           "swish",
           [](const Expr& x, double a, double) { return QuickGelu(x, a); },
           {"alpha", 1}})};
}

}  // namespace

OpList activation() {
  OpList rows = Plain();
  for (OpRow& row : Parametric()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace tilewright::onnx_ops
