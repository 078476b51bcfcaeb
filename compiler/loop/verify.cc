#include "compiler/loop/verify.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/async_rules.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/text.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/type_rules.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxStackBytes = 512 << 10;
// Of a program that is strictly verified: iterations of its innermost statement.
constexpr int64_t kMaxSteps = int64_t{1} << 44;

// Walks the program once, knowing at each place what is declared and which values are possible.
class Verifier {
 public:
  Verifier(const Program& program, bool strict)
      : program_(program), simplifier_(Ranges()), strict_(strict) {}

  absl::Status Run() {
    if (program_.params.size() < std::max<size_t>(1, program_.written) || program_.written < 1) {
      return Violation("a program needs an output");
    }
    for (const Buffer& param : program_.params) {
      if (param->scope != Scope::kGlobal) return Violation("a parameter must be global");
      TW_RETURN_IF_ERROR(Declare(param));
    }
    if (program_.body == nullptr) return Violation("a program needs a body");
    return Check(program_.body);
  }

 private:
  // An empty text says that nothing is wrong.
  static absl::Status Unless(const std::string& wrong) {
    return wrong.empty() ? absl::OkStatus() : Violation(wrong);
  }

  // Checks a statement; the innermost one that is wrong is named.
  absl::Status Check(const Stmt& s) {
    checked_.clear();
    absl::Status status = CheckNode(s);
    if (status.ok() || named_) return status;
    named_ = true;
    const std::string text = Print(s);
    return Violation(
        absl::StrCat(program_.name, ": ", text.substr(0, text.find('\n')), ": ", status.message()));
  }

  absl::Status CheckNode(const Stmt& s) {
    switch (s->kind) {
      case StmtKind::kFor: return CheckFor(s);
      case StmtKind::kStore:
      case StmtKind::kAtomicAdd: return CheckStore(*s);
      case StmtKind::kIf: return CheckIf(*s);
      case StmtKind::kAlloc: return CheckAlloc(*s);
      case StmtKind::kPrefetch: return CheckPrefetch(*s);
      case StmtKind::kBarrier:
      case StmtKind::kAsyncCommit: return absl::OkStatus();
      case StmtKind::kAsyncWait: return Unless(WrongInAsyncWait(*s));
      case StmtKind::kTile: return CheckTile(*s);
      case StmtKind::kPipeline: return CheckPipeline(*s);
      case StmtKind::kLastBlock: TW_RETURN_IF_ERROR(CheckAccess(s->buffer, s->indices)); break;
      case StmtKind::kSeq: break;
    }
    for (const Stmt& child : s->body) TW_RETURN_IF_ERROR(Check(child));
    return absl::OkStatus();
  }

  absl::Status CheckFor(const Stmt& s) {
    TW_RETURN_IF_ERROR(MustBe(s->var, DType::kI64, "a loop variable"));
    TW_RETURN_IF_ERROR(MustBe(s->min, DType::kI64, "a loop's start"));
    TW_RETURN_IF_ERROR(MustBe(s->extent, DType::kI64, "a loop's extent"));
    TW_RETURN_IF_ERROR(CheckPlace(s->min));
    TW_RETURN_IF_ERROR(CheckPlace(s->extent));
    TW_RETURN_IF_ERROR(CheckLoopKind(s));
    if (!vars_.insert(s->var.get()).second) return Violation("variable of an enclosing loop");
    const Expr min = simplifier_.Run(s->min), extent = simplifier_.Run(s->extent);
    const bool independent = AsInt(min) != nullptr && AsInt(extent) != nullptr;
    if (independent) independent_.insert(s->var.get());
    absl::Status status = CheckBody(*s, min, extent);
    independent_.erase(s->var.get());
    vars_.erase(s->var.get());
    return status;
  }

  absl::Status CheckPipeline(const StmtNode& s) {
    TW_RETURN_IF_ERROR(MustBe(s.var, DType::kI64, "a pipeline's variable"));
    if (!vars_.insert(s.var.get()).second) return Violation("variable of an enclosing loop");
    for (const Stmt& part : s.body) {
      Simplifier::Scope scope(&simplifier_);
      scope.knowledge().SetRange(s.var, {0, *AsInt(s.extent) - 1});
      TW_RETURN_IF_ERROR(Check(part));
    }
    vars_.erase(s.var.get());
    return absl::OkStatus();
  }

  absl::Status CheckLoopKind(const Stmt& s) {
    if (in_vector_) return Violation("a vectorised loop is not innermost");
    if (s->loop == LoopKind::kParallel && s != program_.body) {
      return Violation("a parallel loop must be the outermost statement");
    }
    const bool needs_constant = s->loop != LoopKind::kSerial;
    if (needs_constant && AsInt(simplifier_.Run(s->extent)) == nullptr) {
      return Violation("the extent must be constant");
    }
    return absl::OkStatus();
  }

  absl::Status CheckBody(const StmtNode& s, const Expr& min, const Expr& extent) {
    Simplifier::Scope scope(&simplifier_);
    const Interval first = simplifier_.knowledge().BoundsOf(min);
    const Interval count = simplifier_.knowledge().BoundsOf(extent);
    const Interval range = {first.lo, first.Plus(count).Plus({-1, -1}).hi};
    if (range.empty()) return absl::OkStatus();  // never runs
    const int64_t outer_steps = steps_;
    if (strict_) TW_RETURN_IF_ERROR(CountSteps(first, count));
    scope.knowledge().SetRange(s.var, range);
    const bool may_not_run = independent_.count(s.var.get()) == 0;
    const bool outer = std::exchange(in_vector_, s.loop == LoopKind::kVectorized);
    conditions_ += may_not_run;
    absl::Status status = Check(s.body[0]);
    conditions_ -= may_not_run;
    in_vector_ = outer;
    steps_ = outer_steps;
    return status;
  }

  // A loop whose bounds depend on data has to say how far they go at most.
  absl::Status CountSteps(const Interval& first, const Interval& count) {
    if (!first.bounded() || count.hi >= Interval::kInfinity) {
      return Violation("the loop is not provably bounded: limit its bounds by min and max");
    }
    steps_ = Interval{steps_, steps_}.Times(std::max<int64_t>(count.hi, 1)).hi;
    if (steps_ <= kMaxSteps) return absl::OkStatus();
    return Violation("the loops around it have more than 2^44 steps in all");
  }

  absl::Status CheckStore(const StmtNode& s) {
    if (program_.IsInput(s.buffer)) return Violation("store to an input");
    TW_RETURN_IF_ERROR(CheckAccess(s.buffer, s.indices));
    TW_RETURN_IF_ERROR(MustBe(s.value, s.buffer->dtype, "the stored value"));
    TW_RETURN_IF_ERROR(CheckExpr(s.value));
    return Unless(s.async ? WrongInAsyncStore(s, program_) : "");
  }

  absl::Status CheckPrefetch(const StmtNode& s) {
    if (buffers_.count(s.buffer.get()) == 0) {
      return Violation(absl::StrCat("buffer ", s.buffer->name, " is not declared"));
    }
    if (s.buffer->scope == Scope::kRegister) return Violation("registers have no cache line");
    if (in_vector_) return Violation("a prefetch inside a vectorised loop");
    TW_RETURN_IF_ERROR(MustBe(s.value, DType::kI64, "an element"));
    return CheckExpr(s.value);
  }

  absl::Status CheckTile(const StmtNode& s) {
    const std::vector<TileOperand>& wanted = s.tile->operands;
    if (s.operands.size() != wanted.size()) {
      return Violation(absl::StrCat(s.tile->name, " takes ", wanted.size(), " operands"));
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      TW_RETURN_IF_ERROR(CheckTileOperand(wanted[i], s.operands[i]));
    }
    return Unless(WrongInSlots(s, program_));
  }

  // The first and the last element that a thread names of an operand.
  absl::Status CheckTileOperand(const TileOperand& wanted, const Expr& operand) {
    TW_RETURN_IF_ERROR(MustBe(operand, wanted.dtype, wanted.what));
    if (operand->kind != ExprKind::kLoad || operand->operands.empty()) {
      return Violation(absl::StrCat(wanted.what, " must be an element of a buffer"));
    }
    if (operand->buffer->scope != wanted.scope) {
      static constexpr const char* kPlaces[] = {"global memory", "", "shared memory", "registers"};
      return Violation(absl::StrCat(wanted.what, " must be in ",
                                    kPlaces[static_cast<size_t>(wanted.scope)], ", ",
                                    operand->buffer->name, " is not"));
    }
    if (wanted.scope == Scope::kGlobal) return CheckBoxPlace(*operand);
    TW_RETURN_IF_ERROR(CheckAccess(operand->buffer, operand->operands));
    std::vector<Expr> last = operand->operands;
    last.back() = last.back() + (wanted.elements - 1);
    return CheckAccess(operand->buffer, last);
  }

  // A box may begin and end outside its source.
  absl::Status CheckBoxPlace(const ExprNode& source) {
    for (const Expr& index : source.operands) {
      TW_RETURN_IF_ERROR(MustBe(index, DType::kI64, "an index"));
      TW_RETURN_IF_ERROR(CheckPlace(index));
    }
    return absl::OkStatus();
  }

  absl::Status CheckIf(const StmtNode& s) {
    TW_RETURN_IF_ERROR(MustBe(s.condition, DType::kBool, "the condition"));
    TW_RETURN_IF_ERROR(CheckPlace(s.condition));
    const Expr condition = simplifier_.Run(s.condition);
    for (size_t i = 0; i < s.body.size(); ++i) {
      TW_RETURN_IF_ERROR(Under(condition, i == 0, [&] { return Check(s.body[i]); }));
    }
    return absl::OkStatus();
  }

  absl::Status CheckAlloc(const StmtNode& s) {
    if (s.buffer->scope == Scope::kGlobal) return Violation("a declared buffer must not be global");
    const int64_t bytes = NumBytes({.dtype = s.buffer->dtype, .shape = s.buffer->shape});
    const bool on_stack = s.buffer->scope == Scope::kStack;
    if (on_stack && (stack_bytes_ += bytes) > kMaxStackBytes) {
      return Violation("more than 512 KiB on the stack");
    }
    TW_RETURN_IF_ERROR(Declare(s.buffer));
    TW_RETURN_IF_ERROR(Check(s.body[0]));
    if (on_stack) stack_bytes_ -= bytes;
    buffers_.erase(s.buffer.get());
    names_.erase(s.buffer->name);
    return absl::OkStatus();
  }

  absl::Status Declare(const Buffer& buffer) {
    buffers_.insert(buffer.get());
    if (names_.insert(buffer->name).second) return absl::OkStatus();
    return Violation(absl::StrCat("two buffers are named ", buffer->name));
  }

  // Runs `check` knowing the simplified condition to be true or false; not where it cannot be.
  template <typename Fn>
  absl::Status Under(const Expr& condition, bool truth, Fn check) {
    const int64_t* known = AsInt(condition);
    if (known != nullptr && (*known != 0) != truth) return absl::OkStatus();
    Simplifier::Scope scope(&simplifier_);
    if (!strict_ || MayLearnFrom(condition)) scope.knowledge().Assume(condition, truth);
    conditions_ += known == nullptr;
    absl::Status status = check();
    conditions_ -= known == nullptr;
    return status;
  }

  // An index, a loop's bound or a condition: what proofs are about.
  absl::Status CheckPlace(const Expr& e) {
    ++in_place_;
    absl::Status status = CheckExpr(e);
    --in_place_;
    return status;
  }

  absl::Status CheckExpr(const Expr& e) {
    const bool shared = !strict_ && e.use_count() > 1 && !e->operands.empty();
    if (shared && !checked_.insert(e.get()).second) return absl::OkStatus();
    for (const Expr& operand : e->operands) {
      if (operand == nullptr) return Violation("an operand is missing");
    }
    switch (e->kind) {
      case ExprKind::kInt:
      case ExprKind::kFloat: return absl::OkStatus();
      case ExprKind::kVar:
        if (vars_.count(e.get()) != 0) return absl::OkStatus();
        return Violation(absl::StrCat("variable ", e->name, " is used outside its loop"));
      case ExprKind::kLoad: return CheckAccess(e->buffer, e->operands);
      case ExprKind::kCall: TW_RETURN_IF_ERROR(CheckCall(*e)); break;
      case ExprKind::kBinary:
        TW_RETURN_IF_ERROR(CheckBinary(*e));
        if (strict_) TW_RETURN_IF_ERROR(CheckDivisor(*e));
        if (strict_ && in_place_ > 0) TW_RETURN_IF_ERROR(CheckOverflow(e));
        break;
      case ExprKind::kSelect: TW_RETURN_IF_ERROR(CheckSelect(*e)); break;
      case ExprKind::kCast: break;
    }
    return CheckOperands(*e);
  }

  // What is known of a sum holds only where it cannot wrap around.
  absl::Status CheckOverflow(const Expr& e) {
    const bool wraps =
        e->op == BinaryOp::kAdd || e->op == BinaryOp::kSub || e->op == BinaryOp::kMul;
    if (!wraps || e->dtype != DType::kI64) return absl::OkStatus();
    if (simplifier_.knowledge().BoundsOf(simplifier_.Run(e)).bounded()) return absl::OkStatus();
    return Violation(absl::StrCat(Print(e), " may overflow: limit its parts by min and max"));
  }

  // What is learnt of an element does not hold when the program may have written it since.
  bool MayLearnFrom(const Expr& condition) const {
    bool stays = true;
    ForEachExpr(condition, [&](const Expr& e) {
      if (e->kind == ExprKind::kLoad) stays = stays && program_.IsInput(e->buffer);
    });
    return stays;
  }

  // Dividing an integer by zero ends the process.
  absl::Status CheckDivisor(const ExprNode& e) {
    const bool divides = e.op == BinaryOp::kDiv || e.op == BinaryOp::kMod;
    if (!divides || IsFloat(e.dtype)) return absl::OkStatus();
    const Expr divisor = simplifier_.Run(e.operands[1]);
    const int64_t* literal = AsInt(divisor);
    if (literal != nullptr && *literal > 0) return absl::OkStatus();
    if (e.dtype == DType::kI64 && simplifier_.knowledge().BoundsOf(divisor).lo > 0) {
      return absl::OkStatus();
    }
    return Violation(absl::StrCat("the divisor ", Print(e.operands[1]),
                                  " is not provably positive: write max(..., 1)"));
  }

  // The sides of a select and the right side of && and || are evaluated under a condition.
  absl::Status CheckOperands(const ExprNode& e) {
    const bool logic = e.kind == ExprKind::kBinary && e.dtype == DType::kBool &&
                       (e.op == BinaryOp::kAnd || e.op == BinaryOp::kOr);
    const bool conditional = logic || e.kind == ExprKind::kSelect;
    TW_RETURN_IF_ERROR(conditional ? CheckPlace(e.operands[0]) : CheckExpr(e.operands[0]));
    const Expr condition = conditional ? simplifier_.Run(e.operands[0]) : nullptr;
    for (size_t i = 1; i < e.operands.size(); ++i) {
      const auto check = [&] { return CheckExpr(e.operands[i]); };
      const bool truth = logic ? e.op == BinaryOp::kAnd : i == 1;
      TW_RETURN_IF_ERROR(conditional ? Under(condition, truth, check) : check());
    }
    return absl::OkStatus();
  }

  absl::Status CheckAccess(const Buffer& buffer, const std::vector<Expr>& indices) {
    if (buffers_.count(buffer.get()) == 0) {
      return Violation(absl::StrCat("buffer ", buffer->name, " is not declared"));
    }
    if (indices.size() != buffer->shape.size()) {
      return Violation(absl::StrCat(buffer->name, " takes ", buffer->shape.size(), " indices"));
    }
    for (size_t d = 0; d < indices.size(); ++d) {
      TW_RETURN_IF_ERROR(MustBe(indices[d], DType::kI64, "an index"));
      TW_RETURN_IF_ERROR(CheckPlace(indices[d]));
      TW_RETURN_IF_ERROR(CheckIndex(*buffer, d, indices[d]));
    }
    return absl::OkStatus();
  }

  // An index is wrong when all its values are outside, or any if it takes every bound: a sum over
  // independent loops, reached without condition.
  absl::Status CheckIndex(const BufferNode& buffer, size_t d, const Expr& index) {
    const Linear sum = simplifier_.RunLinear(index);
    const Interval bounds = simplifier_.knowledge().BoundsOf(sum);
    bool exact = conditions_ == 0;
    for (const Linear::Term& term : sum.terms) {
      exact = exact && independent_.count(term.atom.get()) != 0;
    }
    const Interval inside = {0, buffer.shape[d] - 1};
    exact = exact || strict_;
    const bool outside = exact ? bounds.lo < inside.lo || bounds.hi > inside.hi
                               : bounds.hi < inside.lo || bounds.lo > inside.hi;
    if (!outside) return absl::OkStatus();
    if (!bounds.bounded()) {
      return Violation(absl::StrCat("index ", Print(index), " of ", buffer.name,
                                    " is not provably inside 0..", inside.hi,
                                    ": limit it by min and max"));
    }
    return Violation(absl::StrCat("index ", Print(index), " of ", buffer.name, " is in ", bounds.lo,
                                  "..", bounds.hi, ", outside 0..", inside.hi));
  }

  const Program& program_;
  Simplifier simplifier_;
  std::unordered_set<const ExprNode*> vars_;         // of the enclosing loops
  std::unordered_set<const ExprNode*> independent_;  // those with constant bounds
  std::unordered_set<const BufferNode*> buffers_;
  std::set<std::string> names_;
  std::unordered_set<const ExprNode*> checked_;  // shared nodes of the current statement
  int64_t stack_bytes_ = 0;
  int conditions_ = 0;  // enclosing undecided conditions and loops that may not run
  bool in_vector_ = false;
  bool named_ = false;  // the violation names its statement already
  const bool strict_;
  int64_t steps_ = 1;  // of the enclosing loops
  int in_place_ = 0;   // nested CheckPlace
};

}  // namespace

absl::Status Verify(const Program& program) {
  TW_RETURN_IF_ERROR(Verifier(program, false).Run());
  return VerifyThreads(program);
}

absl::Status VerifyStrictly(const Program& program) {
  TW_RETURN_IF_ERROR(Verifier(program, true).Run());
  return VerifyThreads(program);
}

}  // namespace tilewright
