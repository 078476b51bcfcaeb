#include "compiler/driver/model_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/rewrite.h"
#include "compiler/loop/threads.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// Bytes of each node's scratch: the buffers that are not prepared.
std::vector<std::vector<int64_t>> ScratchBytes(const Graph& graph, const ModelKernels& kernels) {
  std::vector<std::vector<int64_t>> bytes(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (kernels.task_of[i] < 0) continue;
    const Node& node = graph.nodes[i];
    const LoweredTask& task = kernels.tasks[kernels.task_of[i]];
    for (const TensorType& type : task.buffers) bytes[i].push_back(NumBytes(type));
    for (const LoweredStep& step : task.prepare) {
      bytes[i][step.operands.back() - node.inputs.size() - 1] = 0;
    }
  }
  return bytes;
}

class Planner {
 public:
  Planner(Graph graph, ModelKernels kernels, ConstantPool& constants)
      : graph_(std::move(graph)),
        kernels_(std::move(kernels)),
        constants_(constants),
        roots_(MemoryRoots(graph_)),
        memory_(PlanMemory(graph_, ScratchBytes(graph_, kernels_), kernels_.alignment)) {
    tensor_of_.assign(graph_.values.size(), -1);
    result_.plan.arena_bytes = memory_.arena_bytes;
    ReserveConstants();
  }

  ModelPlan Run() {
    for (ValueId id : graph_.inputs) result_.plan.inputs.push_back(TensorOf(id));
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (kernels_.task_of[i] >= 0) AddCalls(i);
    }
    for (ValueId id : graph_.outputs) result_.plan.outputs.push_back(TensorOf(id));
    return std::move(result_);
  }

 private:
  // Room for all constants at once: growing would hold them twice.
  void ReserveConstants() {
    std::vector<const Tensor*> all;
    for (const Value& value : graph_.values) all.push_back(&value.constant);
    for (const auto& [key, buffers] : kernels_.prepared) {
      for (const Tensor& buffer : buffers) all.push_back(&buffer);
    }
    constants_.Reserve(all);
  }

  void AddCalls(size_t at) {
    const Node& node = graph_.nodes[at];
    const LoweredTask& task = kernels_.tasks[kernels_.task_of[at]];
    std::vector<int> buffers(task.buffers.size(), -1);  // tensors, made when first used
    for (const LoweredStep& step : task.steps) {
      PlanCall call{.kernel = step.program.name, .label = LabelOf(node), .schedule = task.schedule};
      if (node.workload && &step == &task.steps.back()) call.flops = Flops(*node.workload);
      call.extent = step.program.ParallelExtent();
      const Launch launch = LaunchOf(step.program);
      call.grid = launch.grid;
      call.block = launch.block;
      for (const int operand : step.operands) {
        call.args.push_back(OperandOf(at, static_cast<size_t>(operand), buffers));
      }
      result_.plan.calls.push_back(std::move(call));
      result_.call_workloads.push_back(node.workload ? node.workload->Key() : "");
    }
  }

  // The tensor of one operand: the node's inputs, its output, then the task's buffers.
  int OperandOf(size_t at, size_t operand, std::vector<int>& buffers) {
    const Node& node = graph_.nodes[at];
    if (operand < node.inputs.size()) return TensorOf(node.inputs[operand]);
    if (operand == node.inputs.size()) return TensorOf(node.output);
    const size_t buffer = operand - node.inputs.size() - 1;
    if (buffers[buffer] < 0) buffers[buffer] = BufferOf(at, buffer);
    return buffers[buffer];
  }

  int BufferOf(size_t at, size_t buffer) {
    const Node& node = graph_.nodes[at];
    const int task = kernels_.task_of[at];
    const TensorType& type = kernels_.tasks[task].buffers[buffer];
    PlanTensor tensor{.name = absl::StrCat(node.name, "/buffer", buffer),
                      .dtype = std::string(NameOf(type.dtype)),
                      .place = "arena",
                      .shape = type.shape};
    const ValueId weights = node.inputs.size() < 2 ? kNoValue : node.inputs[1];
    // Of layers that share their weights the first one has taken the buffer's values.
    const std::tuple key(task, weights, buffer);
    if (const auto known = prepared_.find(key); known != prepared_.end()) return known->second;
    const auto prepared = kernels_.prepared.find({task, weights});
    if (prepared == kernels_.prepared.end() || prepared->second[buffer].empty()) {
      tensor.offset = memory_.scratch[at][buffer];
      return Append(std::move(tensor));
    }
    tensor.place = "param";
    tensor.offset = constants_.Take(prepared->second[buffer]);
    return prepared_[key] = Append(std::move(tensor));
  }

  int Append(PlanTensor tensor) {
    result_.plan.tensors.push_back(std::move(tensor));
    return static_cast<int>(result_.plan.tensors.size()) - 1;
  }

  static std::string LabelOf(const Node& node) {
    if (!node.workload) return absl::StrCat(node.name, " ", node.op);
    return absl::StrCat(node.name, " ", OperatorText(*node.workload));
  }

  // Of what is reshaped to an output, that output.
  int TensorOf(ValueId id) {
    if (graph_.IsOutput(roots_[id])) id = roots_[id];
    if (tensor_of_[id] < 0) tensor_of_[id] = Append(MakeTensor(id));
    return tensor_of_[id];
  }

  PlanTensor MakeTensor(ValueId id) {
    Value& value = graph_.values[id];
    PlanTensor tensor{.name = value.name,
                      .dtype = std::string(NameOf(value.type.dtype)),
                      .place = "arena",
                      .shape = value.type.shape};
    const auto output = std::find(graph_.outputs.begin(), graph_.outputs.end(), id);
    if (!value.constant.empty()) {
      tensor.place = "param";
      tensor.offset = constants_.Take(value.constant);
    } else if (value.producer < 0) {
      tensor.place = "input";
    } else if (output != graph_.outputs.end()) {
      tensor.place = "output";
      tensor.name = graph_.output_names[output - graph_.outputs.begin()];
      const auto classes = graph_.output_classes.find(tensor.name);
      if (classes != graph_.output_classes.end()) tensor.classes = classes->second;
    } else {
      tensor.offset = memory_.offsets.at(id);
    }
    return tensor;
  }

  Graph graph_;
  ModelKernels kernels_;
  ConstantPool& constants_;
  const std::vector<ValueId> roots_;
  const MemoryPlan memory_;
  std::map<std::tuple<int, ValueId, size_t>, int> prepared_;  // tensors of prepared buffers
  std::vector<int> tensor_of_;
  ModelPlan result_;
};

}  // namespace

void GiveOutputsTheirOwnValues(Graph& graph) {
  std::set<ValueId> seen;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    if (seen.insert(id).second && graph.values[id].producer >= 0) continue;
    const TensorType type = graph.values[id].type;
    graph.outputs[i] = graph.AddNode(absl::StrCat(graph.output_names[i], "_copy"), "copy", {id},
                                     MakeReshape(type, type.shape));
  }
}

ModelPlan MakePlan(Graph graph, ModelKernels kernels, ConstantPool& constants) {
  return Planner(std::move(graph), std::move(kernels), constants).Run();
}

}  // namespace tilewright
