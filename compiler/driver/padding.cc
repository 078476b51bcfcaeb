#include "compiler/driver/padding.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/graph/samples.h"

namespace tilewright {
namespace {

// Axes of inputs that have the same extent in every binding: one dimension of the model.
struct Dimension {
  std::vector<int> axes;         // of each input, -1 where it has none of it
  std::vector<int64_t> extents;  // in each binding
};

const PlanTensor& InputOf(const ExecutionPlan& plan, size_t input) {
  return plan.tensors[static_cast<size_t>(plan.inputs[input])];
}

absl::Status CheckSameModel(const std::vector<ExecutionPlan>& plans) {
  const auto ends = [](const ExecutionPlan& plan) {
    std::vector<std::tuple<std::string, std::string, size_t>> said;
    for (const std::vector<int>* ids : {&plan.inputs, &plan.outputs}) {
      for (const int id : *ids) {
        const PlanTensor& tensor = plan.tensors[static_cast<size_t>(id)];
        said.emplace_back(tensor.name, tensor.dtype, tensor.shape.size());
      }
    }
    return said;
  };
  std::set<std::vector<Shape>> seen;
  for (const ExecutionPlan& plan : plans) {
    if (ends(plan) != ends(plans[0])) {
      return absl::InvalidArgumentError(
          "the model's inputs or outputs change in number or rank with their shapes; compile a "
          "package for each");
    }
    std::vector<Shape> shapes;
    for (size_t i = 0; i < plan.inputs.size(); ++i) shapes.push_back(InputOf(plan, i).shape);
    if (!seen.insert(std::move(shapes)).second) {
      return absl::InvalidArgumentError("two bindings give the inputs the same shapes");
    }
  }
  return absl::OkStatus();
}

// An input has one axis of a dimension at most: what repeats is a dimension of its own.
std::vector<Dimension> DimensionsOf(const std::vector<ExecutionPlan>& plans) {
  std::map<std::pair<std::vector<int64_t>, int>, Dimension> found;
  const size_t inputs = plans[0].inputs.size();
  for (size_t i = 0; i < inputs; ++i) {
    std::map<std::vector<int64_t>, int> repeats;
    for (size_t axis = 0; axis < InputOf(plans[0], i).shape.size(); ++axis) {
      std::vector<int64_t> extents;
      for (const ExecutionPlan& plan : plans) extents.push_back(InputOf(plan, i).shape[axis]);
      if (std::set(extents.begin(), extents.end()).size() == 1) continue;
      Dimension& dimension = found[{extents, repeats[extents]++}];
      dimension.axes.resize(inputs, -1);
      dimension.axes[i] = static_cast<int>(axis);
      dimension.extents = extents;
    }
  }
  std::vector<Dimension> dimensions;
  for (auto& [key, dimension] : found) dimensions.push_back(std::move(dimension));
  return dimensions;
}

std::string Text(const Dimension& dimension, const ExecutionPlan& plan) {
  for (size_t i = 0; i < dimension.axes.size(); ++i) {
    if (dimension.axes[i] < 0) continue;
    return absl::StrCat("dimension ", dimension.axes[i], " of input ", InputOf(plan, i).name);
  }
  return "";
}

// The axes of the outputs, when the dimension may be padded; else why not.
absl::StatusOr<std::vector<int>> Prove(const GraphOfBinding& graph_of, size_t binding,
                                       const ExecutionPlan& plan, const Dimension& dimension) {
  std::map<std::string, Shape> larger;
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    Shape& shape = larger[InputOf(plan, i).name] = InputOf(plan, i).shape;
    if (dimension.axes[i] >= 0) ++shape[static_cast<size_t>(dimension.axes[i])];
  }
  SampleFunction other;
  {
    TW_ASSIGN_OR_RETURN(const Graph graph, graph_of(binding, larger));
    TW_ASSIGN_OR_RETURN(other, SeparateSamples(graph, dimension.axes));
  }
  TW_ASSIGN_OR_RETURN(const Graph graph, graph_of(binding, {}));
  TW_ASSIGN_OR_RETURN(SampleFunction function, SeparateSamples(graph, dimension.axes));
  TW_RETURN_IF_ERROR(SameOfEverySample(function, other));
  return std::move(function.output_axes);
}

}  // namespace

absl::Status AddPadding(const GraphOfBinding& graph_of, std::vector<ExecutionPlan>& plans) {
  TW_RETURN_IF_ERROR(CheckSameModel(plans));
  for (const Dimension& dimension : DimensionsOf(plans)) {
    for (size_t i = 0; i < plans.size(); ++i) {
      if (dimension.extents[i] < 2) continue;  // nothing is smaller
      const absl::StatusOr<std::vector<int>> outputs = Prove(graph_of, i, plans[i], dimension);
      if (outputs.ok()) {
        plans[i].padding.push_back({.inputs = dimension.axes, .outputs = *outputs});
      } else {
        plans[i].unpadded.push_back(absl::StrCat(Text(dimension, plans[i]), " cannot be padded: ",
                                                 std::string(outputs.status().message())));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace tilewright
