#include "compiler/driver/compile_task.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/define.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

absl::StatusOr<KernelLibrary> CompileProgram(const Program& program, const Target& target,
                                             Optimize optimize) {
  TW_RETURN_IF_ERROR(Verify(program));
  TW_ASSIGN_OR_RETURN(const TargetBackend* backend, FindTarget(target.kind));
  TW_ASSIGN_OR_RETURN(std::string so, backend->CompileLibrary(std::span(&program, 1), target,
                                                              {.optimize = optimize}));
  return KernelLibrary{
      .so = std::move(so), .symbol = program.name, .extent = program.ParallelExtent()};
}

}  // namespace

absl::StatusOr<KernelLibrary> CompileTask(const Task& task, const Config& config) {
  TW_RETURN_IF_ERROR(CheckWorkload(task.workload));
  TW_ASSIGN_OR_RETURN(const Target target, ResolveTarget(task.target));
  TW_ASSIGN_OR_RETURN(const Template* schedule, FindTemplate(task.template_name));
  if (!schedule->Matches(task.workload, target)) {
    return absl::FailedPreconditionError(absl::StrCat("template ", task.template_name,
                                                      " does not apply to ", task.workload.Key(),
                                                      " on ", ToString(target)));
  }
  TW_ASSIGN_OR_RETURN(const Program program, schedule->Lower(task.workload, target, config));
  return CompileProgram(program, target, Optimize::kFull);
}

absl::StatusOr<KernelLibrary> CompileReference(const Workload& workload, const Target& target) {
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  TW_ASSIGN_OR_RETURN(const Target resolved, ResolveTarget(target));
  return CompileProgram(LowerPlain(Define(workload)), resolved, Optimize::kPlain);
}

}  // namespace tilewright
