#include "compiler/driver/host_task.h"

#include "base/status_macros.h"

namespace tilewright {

absl::StatusOr<std::vector<HostTask::Call>> HostTask::LoadCalls(
    const CompiledTask& task, const std::vector<KernelCall>& calls) {
  std::vector<Call> loaded;
  for (const KernelCall& call : calls) {
    TW_ASSIGN_OR_RETURN(HostKernel kernel, HostKernel::Load(task.so, call.symbol));
    loaded.push_back({std::move(kernel), call.extent, call.operands});
  }
  return loaded;
}

absl::StatusOr<HostTask> HostTask::Load(const CompiledTask& task) {
  HostTask host;
  TW_ASSIGN_OR_RETURN(host.prepare_, LoadCalls(task, task.prepare));
  TW_ASSIGN_OR_RETURN(host.calls_, LoadCalls(task, task.calls));
  for (const TensorType& type : task.buffers) host.buffers_.emplace_back(type);
  return host;
}

void HostTask::RunCalls(const std::vector<Call>& calls, const std::vector<Tensor>& args) {
  for (const Call& call : calls) {
    std::vector<Tensor> operands;  // shares the bytes
    for (const int operand : call.operands) {
      const size_t at = static_cast<size_t>(operand);
      operands.push_back(at < args.size() ? args[at] : buffers_[at - args.size()]);
    }
    call.kernel.Run(operands, 0, call.extent);
  }
}

void HostTask::Prepare(const std::vector<Tensor>& args) { RunCalls(prepare_, args); }

void HostTask::Run(const std::vector<Tensor>& args) { RunCalls(calls_, args); }

}  // namespace tilewright
