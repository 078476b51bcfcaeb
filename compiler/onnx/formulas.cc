#include "compiler/onnx/formulas.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::formulas {
namespace {

Expr Unary(const char* call, const Expr& x) { return Call(call, {x}, x->dtype); }

struct Known {
  std::string_view name;
  Activation activation;
};

// Names and defaults of the attribute `activations` of ONNX's LSTM, GRU and RNN.
std::vector<Known> KnownActivations() {
  using E = const Expr&;
  return {
      {"Relu", {.formula = [](E x, double, double) { return Max(x, Lit(x, 0)); }}},
      {"Tanh", {.formula = [](E x, double, double) { return Tanh(x); }}},
      {"Sigmoid", {.formula = [](E x, double, double) { return Sigmoid(x); }}},
      {"Softsign", {.formula = [](E x, double, double) { return Divide(x, Lit(x, 1) + Abs(x)); }}},
      {"Softplus", {.formula = [](E x, double, double) { return Softplus(x); }}},
      {"Affine",
       {.alpha = 1,
        .has_alpha = true,
        .has_beta = true,
        .formula = [](E x, double a, double c) { return x * Lit(x, a) + Lit(x, c); }}},
      {"ScaledTanh",
       {.alpha = 1,
        .beta = 1,
        .has_alpha = true,
        .has_beta = true,
        .formula = [](E x, double a, double c) { return Lit(x, a) * Tanh(x * Lit(x, c)); }}},
      {"HardSigmoid",
       {.alpha = 0.2,
        .beta = 0.5,
        .has_alpha = true,
        .has_beta = true,
        .formula = [](E x, double a, double c) { return ClampUnit(x * Lit(x, a) + Lit(x, c)); }}},
      {"LeakyRelu",
       {.alpha = 0.01,
        .has_alpha = true,
        .formula = [](E x, double a, double) { return IfPositive(x, x, x * Lit(x, a)); }}},
      {"ThresholdedRelu",
       {.alpha = 1,
        .has_alpha = true,
        .formula = [](E x, double a, double) { return Select(Lt(Lit(x, a), x), x, Lit(x, 0)); }}},
      {"Elu", {.alpha = 1, .has_alpha = true, .formula = [](E x, double a, double) {
                 return IfPositive(x, x, ExpLinear(x, a));
               }}}};
}

// By name in small letters.
const std::map<std::string, Known>& Activations() {
  static const std::map<std::string, Known> known = [] {
    std::map<std::string, Known> by_name;
    for (Known& one : KnownActivations()) {
      by_name.emplace(absl::AsciiStrToLower(Sv(one.name)), std::move(one));
    }
    return by_name;
  }();
  return known;
}

}  // namespace

Expr Lit(const Expr& like, double value) { return Const(value, like->dtype); }
Expr Exp(const Expr& x) { return Unary("exp", x); }
Expr Log(const Expr& x) { return Unary("log", x); }
Expr Tanh(const Expr& x) { return Unary("tanh", x); }
Expr Abs(const Expr& x) { return Unary("abs", x); }
Expr Neg(const Expr& x) { return Unary("neg", x); }
Expr Sqrt(const Expr& x) { return Unary("sqrt", x); }
Expr Erf(const Expr& x) { return Unary("erf", x); }

Expr ClampUnit(const Expr& x) { return Min(Max(x, Lit(x, 0)), Lit(x, 1)); }

Expr IfPositive(const Expr& x, Expr yes, Expr no) {
  return Select(Lt(Lit(x, 0), x), std::move(yes), std::move(no));
}

Expr Sigmoid(const Expr& x) { return Divide(Lit(x, 1), Lit(x, 1) + Exp(Neg(x))); }

// max(x, 0) + log(1 + exp(-|x|)).
Expr Softplus(const Expr& x) { return Max(x, Lit(x, 0)) + Log(Lit(x, 1) + Exp(Neg(Abs(x)))); }

Expr ExpLinear(const Expr& x, double alpha) { return (Exp(x) - Lit(x, 1)) * Lit(x, alpha); }

Expr Gelu(const Expr& x) { return Lit(x, 0.5) * x * (Lit(x, 1) + Erf(x * Lit(x, std::sqrt(0.5)))); }

Expr GeluByTanh(const Expr& x) {
  const Expr cubic = x + Lit(x, 0.044715) * x * x * x;
  return Lit(x, 0.5) * x * (Lit(x, 1) + Tanh(cubic * Lit(x, std::sqrt(2 / M_PI))));
}

Expr QuickGelu(const Expr& x, double alpha) { return x * Sigmoid(x * Lit(x, alpha)); }

absl::StatusOr<Activation> FindActivation(std::string_view name) {
  const auto found = Activations().find(absl::AsciiStrToLower(Sv(name)));
  if (found != Activations().end()) return found->second.activation;
  std::vector<std::string> names;
  for (const auto& [lower, known] : Activations()) names.emplace_back(known.name);
  return absl::UnimplementedError(absl::StrCat("activation ", Sv(name), " is not supported (have ",
                                               absl::StrJoin(names, ", "), ")"));
}

}  // namespace tilewright::formulas
