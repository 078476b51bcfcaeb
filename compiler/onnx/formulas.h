// Activation functions as formulas over expressions. Literals and results are of the type of `x`,
// which is a float.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/loop/expr.h"

namespace tilewright::formulas {

// A literal of the type of `like`.
Expr Lit(const Expr& like, double value);

Expr Exp(const Expr& x);
Expr Log(const Expr& x);
Expr Tanh(const Expr& x);
Expr Abs(const Expr& x);
Expr Neg(const Expr& x);
Expr Sqrt(const Expr& x);
Expr Erf(const Expr& x);

// x clamped to [0, 1].
Expr ClampUnit(const Expr& x);
// x > 0 ? yes : no.
Expr IfPositive(const Expr& x, Expr yes, Expr no);
Expr Sigmoid(const Expr& x);
// log(1 + exp(x)) without overflow.
Expr Softplus(const Expr& x);
// alpha * (exp(x) - 1).
Expr ExpLinear(const Expr& x, double alpha);
// x * Phi(x), Phi being the normal distribution's integral.
Expr Gelu(const Expr& x);
// Its approximation by tanh (Hendrycks and Gimpel, 2016).
Expr GeluByTanh(const Expr& x);
// x * sigmoid(alpha * x).
Expr QuickGelu(const Expr& x, double alpha);

// An activation of ONNX's recurrent operators, by its name there (any case), with its parameters.
struct Activation {
  double alpha = 0, beta = 0;  // the defaults where the node gives none
  bool has_alpha = false, has_beta = false;
  std::function<Expr(const Expr& x, double alpha, double beta)> formula;
};
// Unimplemented for an unknown name, listing the known ones.
absl::StatusOr<Activation> FindActivation(std::string_view name);

}  // namespace tilewright::formulas
