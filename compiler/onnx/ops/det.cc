// Det: the determinants of square matrices, by Gaussian elimination with partial pivoting (Golub
// and Van Loan, Matrix Computations, 3.4).
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Eliminates one matrix of n rows in out[matrix], behind which its determinant is put.
class Elimination {
 public:
  Elimination(Buffer x, Buffer out, Expr matrix)
      : x_(std::move(x)), out_(std::move(out)), matrix_(std::move(matrix)), n_(x_->shape[1]) {}

  Stmt Run() const {
    const Stmt copy = ForEach(
        "c", {n_, n_}, [&](const Exprs& at) { return Set(at[0], at[1], Load(x_, Here(at))); });
    return With({pivot_, determinant_, swap_},
                Seq({copy, determinant_.Set(Const(1, out_->dtype)),
                     InOrder("k", Int(n_), [&](const Expr& k) { return Step(k); }),
                     Store(out_, {matrix_, Int(n_ * n_)}, determinant_.Get())}));
  }

 private:
  Exprs Here(const Exprs& at) const { return {matrix_, at[0], at[1]}; }
  Expr Get(const Expr& row, const Expr& column) const {
    return Load(out_, {matrix_, row * n_ + column});
  }
  Stmt Set(const Expr& row, const Expr& column, Expr value) const {
    return Store(out_, {matrix_, row * n_ + column}, std::move(value));
  }

  // The row at or below k whose element in column k is the largest goes to row k.
  Stmt Pivot(const Expr& k) const {
    const Expr best = pivot_.Index(n_);
    const Stmt find = InOrder("f", Int(n_), [&](const Expr& row) {
      const Expr larger = Lt(formulas::Abs(Get(best, k)), formulas::Abs(Get(row, k)));
      return If(And(Lt(k, row), larger), pivot_.Set(row));
    });
    const Stmt exchange = InOrder("e", Int(n_), [&](const Expr& column) {
      return Seq({swap_.Set(Get(k, column)), Set(k, column, Get(best, column)),
                  Set(best, column, swap_.Get())});
    });
    const Stmt negate = determinant_.Set(formulas::Neg(determinant_.Get()));
    return Seq({pivot_.Set(k), find, If(Binary(BinaryOp::kNe, best, k), Seq({exchange, negate}))});
  }

  // A singular matrix has no pivot left: its determinant is 0 already.
  Stmt Step(const Expr& k) const {
    const Stmt eliminate = InOrder("r", Int(n_), [&](const Expr& row) {
      const Stmt subtract = InOrder("j", Int(n_), [&](const Expr& column) {
        return If(Lt(k, column), Set(row, column, Get(row, column) - swap_.Get() * Get(k, column)));
      });
      return If(Lt(k, row), Seq({swap_.Set(Divide(Get(row, k), Get(k, k))), subtract}));
    });
    const Expr usable = Binary(BinaryOp::kNe, Get(k, k), Const(0, out_->dtype));
    return Seq({Pivot(k), determinant_.Set(determinant_.Get() * Get(k, k)), If(usable, eliminate)});
  }

  const Buffer x_, out_;
  const Expr matrix_;
  const int64_t n_;
  const Cell pivot_{"pivot", DType::kI64};
  const Cell determinant_{"determinant", out_->dtype}, swap_{"swap", out_->dtype};
};

absl::StatusOr<Outputs> Det(OpBuilder& b) {
  const TensorType type = b.TypeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  const int64_t n = type.shape.back();
  if (n < 1 || type.shape[type.shape.size() - 2] != n) {
    return absl::InvalidArgumentError("input is no batch of square matrices");
  }
  const Shape batch(type.shape.begin(), type.shape.end() - 2);
  const int64_t count = NumElements(batch);
  if (count == 0) return b.Constant(Tensor({type.dtype, batch}));
  // 16-bit floats are eliminated in float32.
  const DType dtype = IsNarrowFloat(type.dtype) ? DType::kF32 : type.dtype;
  TW_ASSIGN_OR_RETURN(ValueId x, CastTo(b, b.Input(0), dtype));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {count, n, n}));
  TW_ASSIGN_OR_RETURN(
      const ValueId eliminated,
      b.EmitProcedure({.op = "det_eliminate",
                       .inputs = {x},
                       .type = {dtype, {count, n * n + 1}},
                       .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                         return ForRows({count, n * n}, 1, [&](Exprs row) {
                           return Elimination(in[0], out, row[0]).Run();
                         });
                       }}));
  TW_ASSIGN_OR_RETURN(const ValueId last, ElementAt(b, eliminated, 1, n * n));
  TW_ASSIGN_OR_RETURN(const ValueId rounded, CastTo(b, last, type.dtype));
  return Reshape(b, rounded, batch);
}

}  // namespace

OpList det() { return {{"Det", 11, 1, Det, kFloats}}; }

}  // namespace tilewright::onnx_ops
