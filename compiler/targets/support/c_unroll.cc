#include "compiler/targets/support/c_unroll.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace tilewright {
namespace {

// Of a loop that the schedule leaves rolled: with four loads under way a copy waits as often as
// with more, and 32 statements hide what the loop's own instructions cost.
constexpr int64_t kMostRepeats = 4, kMostStatements = 32;

// What the body executes for one iteration, at most kMostStatements; so many for what is better
// not repeated: a loop of its own, a barrier.
int64_t Statements(const Stmt& s) {
  int64_t statements = 0;
  for (const Stmt& part : s->body) {
    statements = std::min(statements + Statements(part), kMostStatements);
  }
  switch (s->kind) {
    case StmtKind::kStore:
    case StmtKind::kAtomicAdd:
    case StmtKind::kTile: return 1;
    case StmtKind::kBarrier:
    case StmtKind::kPipeline: return kMostStatements;
    case StmtKind::kFor: {
      if (s->loop == LoopKind::kVectorized) return statements;  // one access
      const int64_t* extent = AsInt(s->extent);
      if (s->loop != LoopKind::kUnrolled || extent == nullptr) return kMostStatements;
      return statements == 0 ? 0 : std::min(*extent, kMostStatements / statements) * statements;
    }
    default: return statements;
  }
}

}  // namespace

std::string UnrollText(const StmtNode& loop) {
  TW_CHECK(loop.kind == StmtKind::kFor && loop.axis == ThreadAxis::kNone);
  if (loop.loop == LoopKind::kUnrolled || loop.loop == LoopKind::kVectorized) return "TW_UNROLL";
  const int64_t statements = std::max<int64_t>(1, Statements(loop.body[0]));
  return absl::StrCat("TW_UNROLL_BY(",
                      std::clamp<int64_t>(kMostStatements / statements, 1, kMostRepeats), ")");
}

}  // namespace tilewright
