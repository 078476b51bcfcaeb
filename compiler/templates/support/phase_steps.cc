#include "compiler/templates/support/phase_steps.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/check.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// Programs in one: the input then comes from memory a quarter as often, and the time to compile a
// function grows faster than its code (64 phases in one: not done after 1.8 times the time of 64).
constexpr size_t kMostSideBySide = 4;

using BufferMap = std::map<Buffer, Buffer>;

Buffer Mapped(const BufferMap& buffers, const Buffer& buffer) {
  const auto found = buffers.find(buffer);
  return found == buffers.end() ? buffer : found->second;
}

Stmt WithStoresTo(const BufferMap& buffers, const Stmt& s) {
  if (s == nullptr) return s;
  auto node = std::make_shared<StmtNode>(*s);
  node->buffer = Mapped(buffers, s->buffer);
  for (Stmt& child : node->body) child = WithStoresTo(buffers, child);
  return node;
}

Stmt WithBuffers(const BufferMap& buffers, const Stmt& s) {
  const Stmt loads = RewriteExprs(s, [&buffers](const Expr& e) {
    return e->kind == ExprKind::kLoad ? Load(Mapped(buffers, e->buffer), e->operands) : e;
  });
  return WithStoresTo(buffers, loads);
}

// One iteration of a program, over the parameters and the parallel variable of `first`.
Stmt IterationLike(const Program& first, const Program& program) {
  TW_CHECK(program.params.size() == first.params.size());
  BufferMap buffers;
  for (size_t i = 0; i < first.params.size(); ++i) buffers[program.params[i]] = first.params[i];
  const Stmt body = Substitute(program.body->body[0], {{program.body->var.get(), first.body->var}});
  return WithBuffers(buffers, body);
}

Program SideBySide(const std::vector<Program>& programs) {
  Program merged = programs[0];
  if (programs.size() == 1) return merged;
  std::vector<Stmt> iterations;
  for (const Program& program : programs) iterations.push_back(IterationLike(merged, program));
  merged.body = For(merged.body->var, {merged.body->min, merged.body->extent}, LoopKind::kParallel,
                    Seq(std::move(iterations)));
  return merged;
}

}  // namespace

LoweredTask PhaseSteps(const std::vector<Program>& phases) {
  std::vector<std::vector<Program>> equally_long;
  for (const Program& phase : phases) {
    TW_CHECK(phase.body->kind == StmtKind::kFor && phase.body->loop == LoopKind::kParallel);
    const auto same = [&](const std::vector<Program>& others) {
      return others.size() < kMostSideBySide &&
             others[0].ParallelExtent() == phase.ParallelExtent();
    };
    const auto found = std::find_if(equally_long.begin(), equally_long.end(), same);
    if (found == equally_long.end()) {
      equally_long.push_back({phase});
    } else {
      found->push_back(phase);
    }
  }
  LoweredTask task;
  for (const std::vector<Program>& programs : equally_long) {
    task.steps.push_back(std::move(SingleStep(SideBySide(programs)).steps[0]));
  }
  return task;
}

}  // namespace tilewright
