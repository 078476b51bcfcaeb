// One step of Adagrad, Adam and Momentum (ai.onnx.preview.training): elementwise updates.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using formulas::Lit;

// The inputs of one of the tensors that are optimised: x, its gradient and what the method keeps.
using OptimizerStep =
    std::function<absl::StatusOr<std::vector<ValueId>>(const std::vector<ValueId>&)>;

// Inputs are a rate, a count of updates, then for each role the tensors in order; so are the
// outputs, without the gradients (role 1).
absl::StatusOr<Outputs> OptimizeEach(OpBuilder& b, size_t roles, const OptimizerStep& step) {
  const size_t count = (b.num_inputs() - 2) / roles;
  if (b.num_inputs() < 2 + roles || 2 + count * roles != b.num_inputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("takes a rate, a count and ", roles, " inputs for each tensor"));
  }
  for (size_t i : {0, 1}) {
    if (NumElements(b.ShapeOf(b.Input(i))) != 1) {
      return absl::InvalidArgumentError("the rate and the count must be scalars");
    }
  }
  std::vector<ValueId> outputs(count * (roles - 1));
  for (size_t t = 0; t < count; ++t) {
    std::vector<ValueId> inputs;
    for (size_t role = 0; role < roles; ++role) {
      inputs.push_back(b.Input(2 + role * count + t));
      TW_RETURN_IF_ERROR(CheckShapeIs(b, inputs[role], b.ShapeOf(inputs[0]), "an input"));
    }
    TW_RETURN_IF_ERROR(CheckSameType(b, inputs));
    if (!IsFloat(b.DTypeOf(inputs[0]))) return absl::InvalidArgumentError("no float tensor");
    TW_ASSIGN_OR_RETURN(const std::vector<ValueId> next, step(inputs));
    for (size_t role = 0; role < next.size(); ++role) outputs[role * count + t] = next[role];
  }
  return outputs;
}

absl::StatusOr<ValueId> ScalarOf(OpBuilder& b, size_t input, DType dtype) {
  TW_ASSIGN_OR_RETURN(const ValueId value, CastTo(b, b.Input(input), dtype));
  return Reshape(b, value, {});
}

// The gradient with that of norm_coefficient / 2 * |x|^2.
Expr Regularized(const Expr& gradient, const Expr& x, double coefficient) {
  return coefficient == 0 ? gradient : Lit(x, coefficient) * x + gradient;
}

absl::StatusOr<Outputs> Adagrad(OpBuilder& b) {
  const double norm = b.Float("norm_coefficient", 0), epsilon = b.Float("epsilon", 1e-6);
  const double decay = b.Float("decay_factor", 0);
  return OptimizeEach(
      b, 3, [&](const std::vector<ValueId>& in) -> absl::StatusOr<std::vector<ValueId>> {
        const DType dtype = b.DTypeOf(in[0]);
        TW_ASSIGN_OR_RETURN(const ValueId rate, ScalarOf(b, 0, dtype));
        TW_ASSIGN_OR_RETURN(const ValueId updates, ScalarOf(b, 1, dtype));
        TW_ASSIGN_OR_RETURN(const ValueId sum,
                            Map(b, "adagrad_sum", {in[2], in[1], in[0]}, [&](const Exprs& v) {
                              const Expr g = Regularized(v[1], v[2], norm);
                              return v[0] + g * g;
                            }));
        TW_ASSIGN_OR_RETURN(
            const ValueId x,
            Map(b, "adagrad", {in[0], in[1], sum, rate, updates}, [&](const Exprs& v) {
              const Expr r = Divide(v[3], Lit(v[3], 1) + v[4] * Lit(v[4], decay));
              const Expr adapted = formulas::Sqrt(v[2]) + Lit(v[2], epsilon);
              return v[0] - Divide(r * Regularized(v[1], v[0], norm), adapted);
            }));
        return std::vector<ValueId>{x, sum};
      });
}

// alpha^t of a count; 1 where nothing decays.
Expr PowerOf(const Expr& count, double base) {
  return Call("pow", {Lit(count, base), count}, count->dtype);
}

absl::StatusOr<Outputs> Adam(OpBuilder& b) {
  const double norm = b.Float("norm_coefficient", 0), after = b.Float("norm_coefficient_post", 0);
  const double alpha = b.Float("alpha", 0.9), beta = b.Float("beta", 0.999);
  const double epsilon = b.Float("epsilon", 1e-6);
  // `in`: the old average, the gradient and x.
  const auto average = [&](const char* op, std::vector<ValueId> in, double keep, bool squared) {
    return Map(b, op, std::move(in), [=](const Exprs& v) {
      const Expr g = Regularized(v[1], v[2], norm);
      return Lit(v[0], keep) * v[0] + Lit(v[0], 1 - keep) * (squared ? g * g : g);
    });
  };
  return OptimizeEach(
      b, 4, [&](const std::vector<ValueId>& in) -> absl::StatusOr<std::vector<ValueId>> {
        const DType dtype = b.DTypeOf(in[0]);
        TW_ASSIGN_OR_RETURN(const ValueId rate, ScalarOf(b, 0, dtype));
        TW_ASSIGN_OR_RETURN(const ValueId updates, ScalarOf(b, 1, dtype));
        TW_ASSIGN_OR_RETURN(const ValueId v,
                            average("adam_mean", {in[2], in[1], in[0]}, alpha, false));
        TW_ASSIGN_OR_RETURN(const ValueId h,
                            average("adam_square", {in[3], in[1], in[0]}, beta, true));
        TW_ASSIGN_OR_RETURN(
            const ValueId x, Map(b, "adam", {in[0], v, h, rate, updates}, [&](const Exprs& e) {
              const Expr one = Lit(e[3], 1), zero = Lit(e[4], 0);
              const Expr unbiased = Divide(e[3] * formulas::Sqrt(one - PowerOf(e[4], beta)),
                                           one - PowerOf(e[4], alpha));
              const Expr r = Select(Lt(zero, e[4]), unbiased, e[3]);
              const Expr next = e[0] - Divide(r * e[1], formulas::Sqrt(e[2]) + Lit(e[2], epsilon));
              return after == 0 ? next : Lit(next, 1 - after) * next;
            }));
        return std::vector<ValueId>{x, v, h};
      });
}

absl::StatusOr<Outputs> Momentum(OpBuilder& b) {
  const double norm = b.Float("norm_coefficient", 0), alpha = b.Float("alpha", 0);
  const double beta = b.Float("beta", 0);
  const std::string mode = b.Str("mode", "");
  if (mode != "standard" && mode != "nesterov") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown mode \"", mode, "\" (standard or nesterov)"));
  }
  return OptimizeEach(
      b, 3, [&](const std::vector<ValueId>& in) -> absl::StatusOr<std::vector<ValueId>> {
        const DType dtype = b.DTypeOf(in[0]);
        TW_ASSIGN_OR_RETURN(const ValueId rate, ScalarOf(b, 0, dtype));
        TW_ASSIGN_OR_RETURN(const ValueId updates, ScalarOf(b, 1, dtype));
        TW_ASSIGN_OR_RETURN(
            const ValueId v,
            Map(b, "momentum_average", {in[2], in[1], in[0], updates}, [&](const Exprs& e) {
              const Expr share = Select(Lt(Lit(e[3], 0), e[3]), Lit(e[3], beta), Lit(e[3], 1));
              return Lit(e[0], alpha) * e[0] + share * Regularized(e[1], e[2], norm);
            }));
        TW_ASSIGN_OR_RETURN(const ValueId x,
                            Map(b, "momentum", {in[0], in[1], v, rate}, [&](const Exprs& e) {
                              if (mode == "standard") return e[0] - e[3] * e[2];
                              const Expr g = Regularized(e[1], e[0], norm);
                              return e[0] - e[3] * (g + e[2] * Lit(e[2], alpha));
                            }));
        return std::vector<ValueId>{x, v};
      });
}

constexpr ElementTypes kTrained = {DType::kF32, DType::kF64};

}  // namespace

OpList optimizers() {
  return {{"ai.onnx.preview.training.Adagrad", 0, 5, Adagrad, kTrained},
          {"ai.onnx.preview.training.Adam", 0, 6, Adam, kTrained},
          {"ai.onnx.preview.training.Momentum", 0, 5, Momentum, kTrained}};
}

}  // namespace tilewright::onnx_ops
