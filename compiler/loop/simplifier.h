// The engine of Simplify: rewrites expressions under a Knowledge that its user extends and undoes
// while walking a program. Used only inside compiler/loop.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/loop/knowledge.h"

namespace tilewright {

class Simplifier {
 public:
  explicit Simplifier(const Ranges& ranges) : knowledge_(ranges) {}

  // The equivalent expression. Shared nodes are simplified once.
  Expr Run(const Expr& e);
  // The same for kI64 expressions, as a sum.
  Linear RunLinear(const Expr& e);

  const Knowledge& knowledge() const { return knowledge_; }

  // While a Scope lives, its user may learn; what was learned is forgotten with it.
  class Scope {
   public:
    explicit Scope(Simplifier* simplifier)
        : simplifier_(simplifier),
          mark_(simplifier->knowledge_.Save()),
          memo_(std::exchange(simplifier->memo_, {})) {}
    ~Scope() {
      simplifier_->knowledge_.Restore(mark_);
      simplifier_->memo_ = std::move(memo_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    Knowledge& knowledge() { return simplifier_->knowledge_; }

   private:
    Simplifier* simplifier_;
    Knowledge::Mark mark_;
    std::unordered_map<const ExprNode*, std::pair<Expr, Expr>> memo_;
  };

 private:
  Expr RunNode(const Expr& e);
  Expr RunBinary(const ExprNode& e);
  Expr RunLogic(const ExprNode& e);
  Expr RunSelect(const ExprNode& e);
  Expr RunCast(const ExprNode& e);
  Expr RunCall(const ExprNode& e);
  Expr RunUnder(const Expr& condition, bool truth, const Expr& e);
  std::vector<Expr> RunAll(const std::vector<Expr>& operands);
  void AddTo(Linear* sum, const Expr& e, int64_t scale);
  void AddSum(Linear* sum, const ExprNode& e, int64_t scale);
  void AddProduct(Linear* sum, const ExprNode& e, int64_t scale);
  Expr Compare(BinaryOp op, const Expr& a, const Expr& b);
  Expr MinMax(BinaryOp op, const Expr& a, const Expr& b);

  Knowledge knowledge_;
  // Shared node -> itself (kept alive, so that its address stays its own) and its result.
  std::unordered_map<const ExprNode*, std::pair<Expr, Expr>> memo_;
};

// Floor division and modulo of sums by a constant, as far as the bounds allow (divide.cc).
// REQUIRES: divisor > 0; `sum` is simplified under `knowledge`.
Linear Divide(Linear sum, int64_t divisor, const Knowledge& knowledge);
Linear Modulo(Linear sum, int64_t divisor, const Knowledge& knowledge);

}  // namespace tilewright
