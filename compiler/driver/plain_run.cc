#include "compiler/driver/plain_run.h"

#include <cmath>
#include <utility>

#include "base/rng.h"
#include "base/status_macros.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/host_task.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {

std::vector<Tensor> SeededArguments(const Workload& workload, uint64_t seed) {
  std::vector<Tensor> args;
  Rng rng(seed);
  for (const TensorType& type : ArgumentTypes(workload)) {
    args.emplace_back(type);
    for (int64_t i = 0; i < args.back().size(); ++i) {
      const double value = rng.Uniform(-1, 1);
      args.back().Set(i, IsFloat(type.dtype) ? value : std::round(9 * value));
    }
  }
  return args;
}

absl::StatusOr<Tensor> RunPlain(const Workload& workload, std::vector<Tensor> args) {
  TW_ASSIGN_OR_RETURN(const CompiledTask reference, CompileReference(workload, Target{}));
  TW_ASSIGN_OR_RETURN(HostTask host, HostTask::Load(reference));
  args.back() = Tensor(args.back().type());  // tensors share their elements with the caller's
  host.Run(args);
  return std::move(args.back());
}

}  // namespace tilewright
