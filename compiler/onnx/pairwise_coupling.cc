#include "compiler/onnx/pairwise_coupling.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

constexpr int64_t kMostRounds = 100;
constexpr double kTolerance = 0.005;  // of all classes together

// r[n, i, j]: how probable i is against j; 0 on the diagonal.
absl::StatusOr<ValueId> PairMatrix(OpBuilder& b, ValueId pairs, int64_t classes) {
  Tensor place({DType::kI64, {classes, classes}});
  int64_t next = 0;
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j, ++next) {
      place.as<int64_t>()[i * classes + j] = place.as<int64_t>()[j * classes + i] = next;
    }
  }
  const ValueId places = b.Constant(std::move(place));
  return b.Emit({.op = "pair_matrix",
                 .inputs = {pairs, places},
                 .type = {DType::kF32, {b.ShapeOf(pairs)[0], classes, classes}},
                 .body = [&](const Point& p) {
                   const Expr &i = p.axes[1], &j = p.axes[2];
                   const Expr r = p.Load(0, {p.axes[0], SafeIndex(p.Load(1, {i, j}), next)});
                   return Select(Lt(i, j), r, Select(Lt(j, i), Float(1) - r, Float(0)));
                 }});
}

// The matrix Q whose quadratic form the probabilities minimise.
absl::StatusOr<ValueId> QuadraticForm(OpBuilder& b, ValueId r) {
  const TensorType type{DType::kF32, b.ShapeOf(r)};
  return b.Emit({.op = "quadratic_form",
                 .inputs = {r},
                 .type = type,
                 .body =
                     [](const Point& p) {
                       const Expr &n = p.axes[0], &i = p.axes[1], &j = p.axes[2];
                       const Expr of_i = p.Load(0, {n, p.reduce[0], i});
                       const Expr product = p.Load(0, {n, j, i}) * p.Load(0, {n, i, j});
                       const Expr once = Select(Eq(p.reduce[0], Int(0)), product, Float(0));
                       return Select(Eq(i, j), of_i * of_i, formulas::Neg(once));
                     },
                 .reducer = Reducer::kSum,
                 .reduce = {type.shape[1]}});
}

// Minimises one row's form: out[row] holds the probabilities p, then Q p.
class Minimisation {
 public:
  Minimisation(Buffer form, Buffer out, Expr row)
      : form_(std::move(form)), out_(std::move(out)), row_(std::move(row)), k_(form_->shape[1]) {}

  Stmt Run() const {
    const Stmt start = InOrder("i", Int(k_), [&](const Expr& i) {
      return Seq({SetP(i, Float(1.0 / static_cast<double>(k_))), SetQp(i, Float(0))});
    });
    const Stmt rounds = InOrder("round", Int(kMostRounds), [&](const Expr&) {
      return If(Eq(done_.Get(), Int(0)), Seq({Multiply(), MeasureError(), IfNotDone()}));
    });
    return With({pqp_, step_, error_, done_}, Seq({done_.Set(Int(0)), start, rounds}));
  }

 private:
  Expr Q(const Expr& i, const Expr& j) const { return Load(form_, {row_, i, j}); }
  Expr P(const Expr& i) const { return Load(out_, {row_, i}); }
  Expr Qp(const Expr& i) const { return Load(out_, {row_, i + k_}); }
  Stmt SetP(const Expr& i, Expr value) const { return Store(out_, {row_, i}, std::move(value)); }
  Stmt SetQp(const Expr& i, Expr value) const {
    return Store(out_, {row_, i + k_}, std::move(value));
  }

  // Q p afresh, because updates gather rounding errors; and p Q p.
  Stmt Multiply() const {
    const Stmt rows = InOrder("m", Int(k_), [&](const Expr& i) {
      const Stmt sum =
          InOrder("n", Int(k_), [&](const Expr& j) { return SetQp(i, Qp(i) + Q(i, j) * P(j)); });
      return Seq({SetQp(i, Float(0)), sum, pqp_.Set(pqp_.Get() + P(i) * Qp(i))});
    });
    return Seq({pqp_.Set(Float(0)), rows});
  }

  Stmt MeasureError() const {
    const Stmt largest = InOrder("e", Int(k_), [&](const Expr& i) {
      return error_.Set(Max(error_.Get(), formulas::Abs(Qp(i) - pqp_.Get())));
    });
    const Expr tolerance = Float(kTolerance / static_cast<double>(k_));
    return Seq({error_.Set(Float(0)), largest, If(Lt(error_.Get(), tolerance), done_.Set(Int(1)))});
  }

  Stmt IfNotDone() const {
    return If(Eq(done_.Get(), Int(0)),
              InOrder("u", Int(k_), [&](const Expr& i) { return Update(i); }));
  }

  // The best value of p[i], and all p scaled to the sum 1.
  Stmt Update(const Expr& i) const {
    const Expr step = step_.Get(), scale = Float(1) + step;
    const Expr energy = pqp_.Get() + step * (step * Q(i, i) + Float(2) * Qp(i));
    const Stmt others = InOrder("v", Int(k_), [&](const Expr& j) {
      return Seq({SetQp(j, Divide(Qp(j) + step * Q(i, j), scale)), SetP(j, Divide(P(j), scale))});
    });
    return Seq({step_.Set(Divide(pqp_.Get() - Qp(i), Q(i, i))), SetP(i, P(i) + step),
                pqp_.Set(Divide(Divide(energy, scale), scale)), others});
  }

  const Buffer form_, out_;
  const Expr row_;
  const int64_t k_;
  const Cell pqp_{"pqp", DType::kF32}, step_{"step", DType::kF32}, error_{"error", DType::kF32};
  const Cell done_{"done", DType::kI64};
};

}  // namespace

absl::StatusOr<ValueId> CouplePairs(OpBuilder& b, ValueId pairs, int64_t classes) {
  const int64_t rows = b.ShapeOf(pairs)[0];
  TW_ASSIGN_OR_RETURN(const ValueId r, PairMatrix(b, pairs, classes));
  TW_ASSIGN_OR_RETURN(const ValueId form, QuadraticForm(b, r));
  TW_ASSIGN_OR_RETURN(
      const ValueId minimum,
      b.EmitProcedure({.op = "couple_pairs",
                       .inputs = {form},
                       .type = {DType::kF32, {rows, 2 * classes}},
                       .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                         return ForRows({rows, classes * classes}, 1, [&](Exprs at) {
                           return Minimisation(in[0], out, at[0]).Run();
                         });
                       }}));
  return RangeOf(b, minimum, {1, 0, classes});
}

}  // namespace tilewright
