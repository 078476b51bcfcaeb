#include <algorithm>
#include <utility>
#include <vector>

#include "compiler/loop/rewrite_stmt.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// Whether the condition reads a buffer that the statement writes: what it says of an element need
// not hold any more then.
bool ReadsWhatIsWritten(const Expr& condition, const Stmt& s) {
  std::vector<Buffer> read;
  ForEachExpr(condition, [&](const Expr& e) {
    if (e->kind == ExprKind::kLoad) read.push_back(e->buffer);
  });
  if (read.empty()) return false;
  bool written = false;
  ForEachStmt(s, [&](const Stmt& inner) {
    written = written || (inner->kind == StmtKind::kStore &&
                          std::find(read.begin(), read.end(), inner->buffer) != read.end());
  });
  return written;
}

// Null stands for the empty statement.
class StmtSimplifier {
 public:
  StmtSimplifier(const Ranges& ranges, bool unroll) : simplifier_(ranges), unroll_(unroll) {}

  Stmt Run(const Stmt& s) {
    if (s == nullptr) return nullptr;
    switch (s->kind) {
      case StmtKind::kFor: return RunFor(*s);
      case StmtKind::kStore:
      case StmtKind::kAtomicAdd: return RunStore(*s);
      case StmtKind::kIf: return RunIf(*s);
      case StmtKind::kSeq: return RunSeq(*s);
      case StmtKind::kAlloc: {
        Stmt body = Run(s->body[0]);
        return body == nullptr ? nullptr : Alloc(s->buffer, std::move(body));
      }
      case StmtKind::kPrefetch: return Prefetch(s->buffer, simplifier_.Run(s->value));
      case StmtKind::kBarrier:
      case StmtKind::kAsyncCommit:
      case StmtKind::kAsyncWait: return s;
      case StmtKind::kTile: return RunTile(*s);
      case StmtKind::kPipeline: return RunPipeline(*s);
      case StmtKind::kLastBlock: return RunLastBlock(*s);
    }
    return nullptr;
  }

 private:
  Stmt RunFor(const StmtNode& s) {
    Expr min = simplifier_.Run(s.min);
    Expr extent = simplifier_.Run(s.extent);
    const int64_t* count = AsInt(extent);
    if (count != nullptr && *count <= 0) return nullptr;
    if (count != nullptr && *count == 1) return RunIteration(s, min, 0);
    if (count != nullptr && unroll_ && s.loop == LoopKind::kUnrolled) {
      std::vector<Stmt> copies;
      for (int64_t i = 0; i < *count; ++i) copies.push_back(RunIteration(s, min, i));
      return NonEmpty(Seq(std::move(copies)));
    }
    if (count != nullptr && IsOneLane(s, min, *count)) return RunIteration(s, min, 0);
    Stmt body = RunLoopBody(s, min, extent);
    if (body == nullptr) return nullptr;
    StmtNode node = s;
    node.min = std::move(min);
    node.extent = std::move(extent);
    node.body = {std::move(body)};
    return std::make_shared<const StmtNode>(std::move(node));
  }

  Stmt RunPipeline(const StmtNode& s) {
    StmtNode node = s;
    for (Stmt& part : node.body) {
      Simplifier::Scope scope(&simplifier_);
      scope.knowledge().SetRange(s.var, {0, *AsInt(s.extent) - 1});
      part = Run(Stmt(part));
      if (part == nullptr) part = Seq({});
    }
    return std::make_shared<const StmtNode>(std::move(node));
  }

  Stmt RunLastBlock(const StmtNode& s) {
    std::vector<Expr> indices;
    for (const Expr& index : s.indices) indices.push_back(simplifier_.Run(index));
    Stmt body = Run(s.body[0]);
    if (body == nullptr) body = Seq({});
    return LastBlock(s.buffer, std::move(indices), *AsInt(s.extent), std::move(body));
  }

  // True for a vector loop whose condition lets only the first lane do anything: a scalar.
  bool IsOneLane(const StmtNode& s, const Expr& min, int64_t count) {
    const StmtNode& body = *s.body[0];
    const bool guarded = body.kind == StmtKind::kIf && body.body.size() == 1;
    if (s.loop != LoopKind::kVectorized || !guarded) return false;
    for (int64_t i = 1; i < count; ++i) {
      Simplifier::Scope scope(&simplifier_);
      scope.knowledge().Bind(s.var, min + i);
      const Expr condition = simplifier_.Run(body.condition);
      const int64_t* known = AsInt(condition);
      if (known == nullptr || *known != 0) return false;
    }
    return true;
  }

  Stmt RunIteration(const StmtNode& s, const Expr& min, int64_t i) {
    Simplifier::Scope scope(&simplifier_);
    scope.knowledge().Bind(s.var, min + i);
    return Run(s.body[0]);
  }

  Stmt RunLoopBody(const StmtNode& s, const Expr& min, const Expr& extent) {
    Simplifier::Scope scope(&simplifier_);
    const Interval first = simplifier_.knowledge().BoundsOf(min);
    const Interval count = simplifier_.knowledge().BoundsOf(extent);
    const Interval last = first.Plus(count).Plus({-1, -1});
    if (last.hi < first.lo) return nullptr;
    scope.knowledge().SetRange(s.var, {first.lo, last.hi});
    return Run(s.body[0]);
  }

  Stmt RunStore(const StmtNode& s) {
    std::vector<Expr> indices;
    indices.reserve(s.indices.size());
    for (const Expr& index : s.indices) indices.push_back(simplifier_.Run(index));
    Expr value = simplifier_.Run(s.value);
    StmtNode node = s;
    node.indices = std::move(indices);
    node.value = std::move(value);
    return std::make_shared<const StmtNode>(std::move(node));
  }

  Stmt RunTile(const StmtNode& s) {
    std::vector<Expr> operands;
    for (const Expr& operand : s.operands) {
      std::vector<Expr> indices;
      for (const Expr& index : operand->operands) indices.push_back(simplifier_.Run(index));
      operands.push_back(Load(operand->buffer, std::move(indices)));
    }
    return TileStmt(*s.tile, std::move(operands));
  }

  Stmt RunIf(const StmtNode& s) {
    Expr condition = simplifier_.Run(s.condition);
    const Stmt no = s.body.size() > 1 ? s.body[1] : nullptr;
    if (const int64_t* known = AsInt(condition)) return Run(*known != 0 ? s.body[0] : no);
    Stmt then = RunUnder(condition, true, s.body[0]);
    Stmt otherwise = RunUnder(condition, false, no);
    if (then == nullptr && otherwise == nullptr) return nullptr;
    if (then != nullptr) return If(std::move(condition), std::move(then), std::move(otherwise));
    return If(simplifier_.Run(Call("not", {std::move(condition)}, DType::kBool)),
              std::move(otherwise));
  }

  Stmt RunUnder(const Expr& condition, bool truth, const Stmt& s) {
    if (s == nullptr) return nullptr;
    Simplifier::Scope scope(&simplifier_);
    if (!ReadsWhatIsWritten(condition, s)) scope.knowledge().Assume(condition, truth);
    return Run(s);
  }

  Stmt RunSeq(const StmtNode& s) {
    std::vector<Stmt> body;
    body.reserve(s.body.size());
    for (const Stmt& child : s.body) body.push_back(Run(child));
    return NonEmpty(Seq(std::move(body)));
  }

  static Stmt NonEmpty(Stmt s) {
    return s->kind == StmtKind::kSeq && s->body.empty() ? nullptr : s;
  }

  Simplifier simplifier_;
  bool unroll_;
};

}  // namespace

Stmt SimplifyStmt(const Stmt& s, const Ranges& ranges, bool unroll) {
  Stmt result = StmtSimplifier(ranges, unroll).Run(s);
  return result != nullptr ? result : Seq({});
}

Stmt Simplify(const Stmt& s, const Ranges& ranges) { return SimplifyStmt(s, ranges, false); }

}  // namespace tilewright
