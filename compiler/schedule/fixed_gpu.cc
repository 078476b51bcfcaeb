#include "compiler/schedule/fixed_gpu.h"

#include <algorithm>

#include "compiler/core/tensor.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// Four warps of NVIDIA's and two wavefronts of AMD's: enough blocks for small outputs to reach
// every multiprocessor, enough threads a block to fill one.
constexpr int64_t kThreads = 128;

// What the nest does inside its loops over the axes.
Stmt PointOf(const Program& nest, size_t axes) {
  Stmt inside = nest.body;
  for (size_t i = 0; i < axes; ++i) inside = inside->body[0];
  return inside;
}

// The axes of the element with this number, in row-major order.
Substitution PositionOf(const std::vector<Axis>& axes, const Expr& number) {
  Substitution position;
  int64_t inner = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    const Expr rest = FloorDiv(number, inner);
    position[axes[i].var.get()] = i == 0 ? rest : FloorMod(rest, axes[i].extent);
    inner *= axes[i].extent;
  }
  return position;
}

// A thread for each iteration of the program's parallel loop; one for all of it without.
Program ScheduleProcedure(Program program) {
  const int64_t extent = program.ParallelExtent();
  const Stmt loop = program.body;
  const bool parallel = loop->kind == StmtKind::kFor && loop->loop == LoopKind::kParallel;
  const int64_t threads = std::min(extent, kThreads);
  const int64_t blocks = (extent + threads - 1) / threads;
  const Expr block = Var("block"), thread = Var("thread");
  Stmt rows = loop;
  if (parallel) {
    const Expr number = block * threads + thread;
    rows = Substitute(loop->body[0], Substitution{{loop->var.get(), number}});
    if (blocks * threads > extent) rows = If(Lt(number, Int(extent)), std::move(rows));
  }
  program.body = Simplify(For(block, blocks, ThreadAxis::kBlockX,
                              For(thread, threads, ThreadAxis::kThreadX, std::move(rows))));
  return program;
}

}  // namespace

Program ScheduleFixedGpu(const Compute& compute) {
  Program program = LowerPlain(compute);
  if (compute.procedure != nullptr || !compute.stages.empty())
    return ScheduleProcedure(std::move(program));
  const int64_t elements = NumElements(compute.output->shape);
  if (elements == 0) return program;
  const int64_t threads = std::min(elements, kThreads);
  const int64_t blocks = (elements + threads - 1) / threads;
  const Expr block = Var("block"), thread = Var("thread");
  const Expr number = block * threads + thread;
  Stmt point = Substitute(PointOf(program, compute.axes.size()), PositionOf(compute.axes, number));
  if (blocks * threads > elements) point = If(Lt(number, Int(elements)), std::move(point));
  program.body = Simplify(For(block, blocks, ThreadAxis::kBlockX,
                              For(thread, threads, ThreadAxis::kThreadX, std::move(point))));
  return program;
}

}  // namespace tilewright
