#include "compiler/driver/model_plan.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/graph/edit.h"
#include "compiler/graph/pipeline.h"
#include "compiler/graph/rewrite.h"

namespace tilewright {
namespace {

constexpr size_t kAlignment = 64;

class Planner {
 public:
  explicit Planner(Graph graph) : graph_(std::move(graph)), memory_(PlanMemory(graph_)) {
    tensor_of_.assign(graph_.values.size(), -1);
    result_.plan.arena_bytes = memory_.arena_bytes;
    // Room for all constants at once: growing would hold them twice.
    size_t bytes = 0;
    for (const Value& value : graph_.values) {
      if (!value.constant.empty()) bytes += value.constant.bytes() + kAlignment;
    }
    result_.params.reserve(bytes);
  }

  ModelPlan Run(const ModelKernels& kernels) {
    for (ValueId id : graph_.inputs) result_.plan.inputs.push_back(TensorOf(id));
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (kernels.kernel_of[i] >= 0) {
        AddCall(graph_.nodes[i], kernels.programs[kernels.kernel_of[i]]);
      }
    }
    for (ValueId id : graph_.outputs) result_.plan.outputs.push_back(TensorOf(id));
    return std::move(result_);
  }

 private:
  void AddCall(const Node& node, const Program& program) {
    PlanCall call{.kernel = program.name, .label = LabelOf(node)};
    call.extent = program.ParallelExtent();
    for (ValueId id : node.inputs) call.args.push_back(TensorOf(id));
    call.args.push_back(TensorOf(node.output));
    result_.plan.calls.push_back(std::move(call));
  }

  static std::string LabelOf(const Node& node) {
    if (!node.workload) return absl::StrCat(node.name, " ", node.op);
    return absl::StrCat(node.name, " ", node.workload->op, EpilogueText(node.workload->epilogue));
  }

  int TensorOf(ValueId id) {
    if (tensor_of_[id] < 0) {
      tensor_of_[id] = static_cast<int>(result_.plan.tensors.size());
      result_.plan.tensors.push_back(MakeTensor(id));
    }
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
      tensor.offset = MoveToParams(value.constant);
    } else if (value.producer < 0) {
      tensor.place = "input";
    } else if (output != graph_.outputs.end()) {
      tensor.place = "output";
      tensor.name = graph_.output_names[output - graph_.outputs.begin()];
    } else {
      tensor.offset = memory_.offsets.at(id);
    }
    return tensor;
  }

  int64_t MoveToParams(Tensor& constant) {
    std::string& params = result_.params;
    params.resize((params.size() + kAlignment - 1) / kAlignment * kAlignment);
    const int64_t offset = static_cast<int64_t>(params.size());
    params.append(static_cast<const char*>(constant.data()), constant.bytes());
    constant = Tensor();
    return offset;
  }

  Graph graph_;
  const MemoryPlan memory_;
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

ModelPlan MakePlan(Graph graph, const ModelKernels& kernels) {
  return Planner(std::move(graph)).Run(kernels);
}

}  // namespace tilewright
