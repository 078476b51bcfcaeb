#include "compiler/driver/compile_task.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/driver/reference_program.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/fixed_gpu.h"
#include "compiler/targets/support/ptxas_log.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Verifies the steps and adds their programs under names of their own.
absl::StatusOr<std::vector<KernelCall>> TakePrograms(std::vector<LoweredStep> steps,
                                                     std::vector<Program>* programs) {
  std::vector<KernelCall> calls;
  for (LoweredStep& step : steps) {
    TW_RETURN_IF_ERROR(Verify(step.program));
    step.program.name = absl::StrCat(step.program.name, "_", programs->size());
    calls.push_back({.symbol = step.program.name,
                     .extent = step.program.ParallelExtent(),
                     .launch = LaunchOf(step.program),
                     .operands = std::move(step.operands)});
    programs->push_back(std::move(step.program));
  }
  return calls;
}

}  // namespace

absl::StatusOr<CompiledTask> CompileLowered(LoweredTask lowered, const Target& target,
                                            Optimize optimize) {
  CompiledTask task{.buffers = std::move(lowered.buffers)};
  std::vector<Program> programs;
  TW_ASSIGN_OR_RETURN(task.prepare, TakePrograms(std::move(lowered.prepare), &programs));
  TW_ASSIGN_OR_RETURN(task.calls, TakePrograms(std::move(lowered.steps), &programs));
  TW_ASSIGN_OR_RETURN(const TargetBackend* backend, FindTarget(target.kind));
  std::string log;
  TW_ASSIGN_OR_RETURN(
      task.so, backend->CompileLibrary(programs, target, {.optimize = optimize, .log = &log}));
  const ThreadStorage storage = ReadPtxasLog(log);
  task.registers = storage.registers;
  task.spilled_bytes = storage.spilled_bytes;
  return task;
}

absl::StatusOr<CompiledTask> CompileTask(const Task& task, const Config& given) {
  TW_RETURN_IF_ERROR(CheckWorkload(task.workload));
  TW_ASSIGN_OR_RETURN(const Target target, ResolveTarget(task.target));
  TW_ASSIGN_OR_RETURN(const Template* schedule, FindTemplate(task.template_name));
  if (!schedule->Matches(task.workload, target)) {
    return absl::FailedPreconditionError(absl::StrCat("template ", task.template_name,
                                                      " does not apply to ", task.workload.Key(),
                                                      " on ", ToString(target)));
  }
  TW_ASSIGN_OR_RETURN(const Config config, schedule->Space(task.workload, target).Canonical(given));
  TW_ASSIGN_OR_RETURN(LoweredTask lowered, schedule->Lower(task.workload, target, config));
  TW_ASSIGN_OR_RETURN(CompiledTask compiled,
                      CompileLowered(std::move(lowered), target, Optimize::kFull));
  // Integers are exact; an output that is narrower than its sums is rounded once more, either way.
  const DType out = OutputTypeOf(task.workload);
  if (IsFloat(out)) {
    compiled.tolerance = schedule->Tolerance(task.workload, config);
    if (IsNarrowFloat(out)) compiled.tolerance += 2 * RoundoffOf(out);
  }
  return compiled;
}

absl::StatusOr<CompiledTask> CompileReference(const Workload& workload, const Target& target) {
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  TW_ASSIGN_OR_RETURN(const Target resolved, ResolveTarget(target));
  const Compute compute = Define(workload);
  Program program = IsGpu(resolved) ? ScheduleFixedGpu(compute) : ReferenceProgram(compute);
  return CompileLowered(SingleStep(std::move(program)), resolved, Optimize::kPlain);
}

}  // namespace tilewright
