// Builds modules for other workers to run: the candidate, and the plain definition of its workload,
// which is kept for the next candidates. One build at a time; not thread-safe.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "worker/pipeline/module.h"
#include "worker/pipeline/removed_file.h"
#include "worker/pipeline/trial.h"
#include "worker/process/builder.h"

namespace tilewright {

class ModuleBuilder {
 public:
  // The library is written to `path` on its way.
  ModuleBuilder(BuilderOptions options, std::string path)
      : builder_(std::move(options)), file_(std::move(path)) {}

  // Errors as Builder's.
  absl::StatusOr<std::variant<TrialModule, Failure>> Build(const WorkerTrial& trial);

 private:
  absl::StatusOr<CompiledTask> Reference(const Task& task);
  absl::StatusOr<CompiledTask> Load(const BuiltKernel& built) const;

  Builder builder_;
  const RemovedFile file_;
  std::map<std::string, CompiledTask> references_;  // by workload and target
};

}  // namespace tilewright
