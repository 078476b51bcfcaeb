#include "worker/pipeline/module_builder.h"

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr double kReferenceBuildSeconds = 60;
constexpr size_t kMostReferences = 256;  // some ten kilobytes each

}  // namespace

absl::StatusOr<CompiledTask> ModuleBuilder::Load(const BuiltKernel& built) const {
  std::ifstream in(built.library, std::ios::binary);
  CompiledTask task = built.task;
  task.so.assign(std::istreambuf_iterator<char>(in), {});
  if (in && !task.so.empty()) return task;
  return absl::UnavailableError(absl::StrCat("cannot read ", built.library));
}

absl::StatusOr<CompiledTask> ModuleBuilder::Reference(const Task& task) {
  const std::string key = absl::StrCat(ToString(task.target), "|", task.workload.Key());
  if (const auto it = references_.find(key); it != references_.end()) return it->second;
  TW_ASSIGN_OR_RETURN(const BuildResult built,
                      builder_.BuildReference(task, file_.path(), kReferenceBuildSeconds));
  if (const auto* failure = std::get_if<Failure>(&built)) {
    return absl::UnavailableError(absl::StrCat("cannot build the reference of ",
                                               task.workload.Key(), ": ", failure->message));
  }
  TW_ASSIGN_OR_RETURN(CompiledTask reference, Load(std::get<BuiltKernel>(built)));
  if (references_.size() >= kMostReferences) references_.clear();
  return references_.emplace(key, std::move(reference)).first->second;
}

absl::StatusOr<std::variant<TrialModule, Failure>> ModuleBuilder::Build(const WorkerTrial& trial) {
  TrialModule module;
  TW_ASSIGN_OR_RETURN(module.reference, Reference(trial.task));
  TW_ASSIGN_OR_RETURN(BuildResult built, builder_.BuildTask(trial.task, trial.config, file_.path(),
                                                            trial.options.build_limit_seconds));
  if (auto* failure = std::get_if<Failure>(&built)) return std::move(*failure);
  TW_ASSIGN_OR_RETURN(module.kernel, Load(std::get<BuiltKernel>(built)));
  return module;
}

}  // namespace tilewright
