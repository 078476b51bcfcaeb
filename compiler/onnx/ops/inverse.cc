// ONNX Runtime's Inverse of square matrices, by Gauss-Jordan elimination with partial pivoting
// (Golub and Van Loan, Matrix Computations, 3.4). A singular matrix gives infinities or NaN.
#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Makes one matrix of n rows in out[matrix] the unit matrix, and the unit matrix beside it the
// inverse: 2n columns a row.
class GaussJordan {
 public:
  GaussJordan(Buffer x, Buffer out, Expr matrix)
      : x_(std::move(x)), out_(std::move(out)), matrix_(std::move(matrix)), n_(x_->shape[1]) {}

  Stmt Run() const {
    const Stmt copy = ForEach("c", {n_, n_}, [&](const Exprs& at) {
      const Expr unit = Select(Eq(at[0], at[1]), Lit(1), Lit(0));
      return Seq(
          {Set(at[0], at[1], Load(x_, {matrix_, at[0], at[1]})), Set(at[0], at[1] + n_, unit)});
    });
    return With({pivot_, factor_},
                Seq({copy, InOrder("k", Int(n_), [&](const Expr& k) { return Step(k); })}));
  }

 private:
  Expr Lit(double value) const { return Const(value, out_->dtype); }
  Expr Get(const Expr& row, const Expr& column) const { return Load(out_, {matrix_, row, column}); }
  Stmt Set(const Expr& row, const Expr& column, Expr value) const {
    return Store(out_, {matrix_, row, column}, std::move(value));
  }
  Stmt ForColumns(const char* name, const std::function<Stmt(const Expr&)>& body) const {
    return InOrder(name, Int(2 * n_), body);
  }

  // The row at or below k whose element in column k is the largest goes to row k.
  Stmt Pivot(const Expr& k) const {
    const Expr best = pivot_.Index(n_);
    const Stmt find = InOrder("f", Int(n_), [&](const Expr& row) {
      const Expr larger = Lt(formulas::Abs(Get(best, k)), formulas::Abs(Get(row, k)));
      return If(And(Lt(k, row), larger), pivot_.Set(row));
    });
    const Stmt exchange = ForColumns("e", [&](const Expr& column) {
      return Seq({factor_.Set(Get(k, column)), Set(k, column, Get(best, column)),
                  Set(best, column, factor_.Get())});
    });
    return Seq({pivot_.Set(k), find, If(Binary(BinaryOp::kNe, best, k), exchange)});
  }

  // Row k is divided by its pivot, and what the other rows have in column k is subtracted.
  Stmt Step(const Expr& k) const {
    const Stmt divide = ForColumns("d", [&](const Expr& column) {
      return Set(k, column, Divide(Get(k, column), factor_.Get()));
    });
    const Stmt eliminate = InOrder("r", Int(n_), [&](const Expr& row) {
      const Stmt subtract = ForColumns("j", [&](const Expr& column) {
        return Set(row, column, Get(row, column) - factor_.Get() * Get(k, column));
      });
      return If(Binary(BinaryOp::kNe, row, k), Seq({factor_.Set(Get(row, k)), subtract}));
    });
    return Seq({Pivot(k), factor_.Set(Get(k, k)), divide, eliminate});
  }

  const Buffer x_, out_;
  const Expr matrix_;
  const int64_t n_;
  const Cell pivot_{"pivot", DType::kI64};
  const Cell factor_{"factor", out_->dtype};
};

absl::StatusOr<Outputs> Inverse(OpBuilder& b) {
  const TensorType type = b.TypeOf(b.Input(0));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, kMaxRank));
  const int64_t n = type.shape.back();
  if (type.shape.end()[-2] != n || NumElements(type.shape) == 0) {
    return absl::InvalidArgumentError("input is no batch of square matrices");
  }
  const int64_t count = NumElements(type.shape) / (n * n);
  // 16-bit floats are eliminated in float32.
  const DType dtype = IsNarrowFloat(type.dtype) ? DType::kF32 : type.dtype;
  TW_ASSIGN_OR_RETURN(ValueId x, CastTo(b, b.Input(0), dtype));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {count, n, n}));
  TW_ASSIGN_OR_RETURN(
      const ValueId both,
      b.EmitProcedure({.op = "invert",
                       .inputs = {x},
                       .type = {dtype, {count, n, 2 * n}},
                       .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                         return ForRows({count, 2 * n * n}, 1, [&](Exprs row) {
                           return GaussJordan(in[0], out, row[0]).Run();
                         });
                       }}));
  TW_ASSIGN_OR_RETURN(ValueId y, RangeOf(b, both, {.axis = 2, .begin = n, .end = 2 * n}));
  TW_ASSIGN_OR_RETURN(y, CastTo(b, y, type.dtype));
  return Reshape(b, y, type.shape);
}

}  // namespace

OpList inverse() { return {{"com.microsoft.Inverse", 1, 1, Inverse, kFloats}}; }

}  // namespace tilewright::onnx_ops
