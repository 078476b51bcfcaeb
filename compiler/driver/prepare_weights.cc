#include "compiler/driver/prepare_weights.h"

#include "base/status_macros.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/host_task.h"
#include "compiler/loop/threads.h"

namespace tilewright {
namespace {

absl::StatusOr<CompiledTask> CompilePreparation(const LoweredTask& task) {
  TW_ASSIGN_OR_RETURN(const Target host, ResolveTarget(Target{}));
  LoweredTask here{.buffers = task.buffers, .prepare = task.prepare};
  for (LoweredStep& step : here.prepare) step.program = WithoutThreads(step.program);
  return CompileLowered(std::move(here), host, Optimize::kFull);
}

absl::StatusOr<std::vector<Tensor>> Prepare(const LoweredTask& task, const CompiledTask& compiled,
                                            const Graph& graph, const Node& node) {
  TW_ASSIGN_OR_RETURN(HostTask host, HostTask::Load(compiled));
  std::vector<Tensor> args;
  for (const ValueId input : node.inputs) args.push_back(graph.values[input].constant);
  args.emplace_back();  // the output
  host.Prepare(args);
  std::vector<Tensor> buffers(task.buffers.size());
  for (const LoweredStep& step : task.prepare) {
    const size_t written = static_cast<size_t>(step.operands.back()) - args.size();
    buffers[written] = host.buffer(written);
  }
  return buffers;
}

}  // namespace

absl::StatusOr<PreparedWeights> PrepareWeights(const Graph& graph,
                                               const std::vector<LoweredTask>& tasks,
                                               const std::vector<int>& task_of) {
  PreparedWeights prepared;
  std::map<int, CompiledTask> compiled;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const int index = task_of[i];
    if (index < 0 || tasks[index].prepare.empty()) continue;
    const Node& node = graph.nodes[i];
    const std::pair key(index, node.inputs[1]);
    if (prepared.contains(key)) continue;
    if (!compiled.contains(index)) {
      TW_ASSIGN_OR_RETURN(compiled[index], CompilePreparation(tasks[index]));
    }
    TW_ASSIGN_OR_RETURN(prepared[key], Prepare(tasks[index], compiled[index], graph, node));
  }
  return prepared;
}

}  // namespace tilewright
