#include "compiler/graph/samples.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/graph/rewrite.h"
#include "compiler/loop/text.h"

namespace tilewright {
namespace {

size_t Hash(std::string_view bytes) { return std::hash<std::string_view>()(bytes); }

// Where samples lie in a value: index x along `axis` is of sample x / each.
struct Lane {
  int axis = -1;
  int64_t each = 1;
};

class Separator {
 public:
  Separator(const Graph& graph, const std::vector<int>& input_axes)
      : graph_(graph), lanes_(graph.values.size()) {
    for (size_t i = 0; i < input_axes.size(); ++i) {
      if (input_axes[i] < 0) continue;
      const ValueId input = graph.inputs[i];
      lanes_[input].axis = input_axes[i];
      samples_ = graph.values[input].type.shape[input_axes[i]];
    }
  }

  absl::StatusOr<SampleFunction> Run() {
    for (const Node& node : graph_.nodes) TW_RETURN_IF_ERROR(Follow(node));
    for (const ValueId output : graph_.outputs) {
      function_.output_axes.push_back(lanes_[output].axis);
    }
    return std::move(function_);
  }

 private:
  absl::Status Follow(const Node& node) {
    for (const ValueId input : node.inputs) AddConstant(graph_.values[input]);
    TW_ASSIGN_OR_RETURN(const Lane lane, LaneOf(node));
    lanes_[node.output] = lane;
    function_.steps.push_back({node.name, TextOf(node, lane)});
    return absl::OkStatus();
  }

  // Loads of inputs that have samples.
  std::vector<std::pair<Expr, Lane>> SampleLoads(const Node& node) const {
    std::vector<std::pair<Expr, Lane>> loads;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Lane lane = lanes_[node.inputs[i]];
      if (lane.axis < 0) continue;
      for (const Expr& load : LoadsOf(node.compute, node.compute.inputs[i])) {
        loads.emplace_back(load, lane);
      }
    }
    return loads;
  }

  absl::StatusOr<Lane> LaneOf(const Node& node) const {
    const Compute& compute = node.compute;
    if (compute.procedure != nullptr) {
      for (const ValueId input : node.inputs) {
        if (lanes_[input].axis >= 0) return Mixed(node);
      }
      return Lane();
    }
    const auto loads = SampleLoads(node);
    if (loads.empty()) return Lane();
    const Ranges ranges = RangesOf(compute);
    for (size_t axis = 0; axis < compute.axes.size(); ++axis) {
      const int64_t extent = compute.axes[axis].extent;
      if (extent == 0 || extent % samples_ != 0) continue;
      const Lane lane{static_cast<int>(axis), extent / samples_};
      const Expr sample = Simplify(FloorDiv(compute.axes[axis].var, lane.each), ranges);
      const auto own = [&](const std::pair<Expr, Lane>& load) {
        const Expr& index = load.first->operands[static_cast<size_t>(load.second.axis)];
        return Equal(Simplify(FloorDiv(index, load.second.each), ranges), sample);
      };
      if (std::all_of(loads.begin(), loads.end(), own)) return lane;
    }
    return Mixed(node);
  }

  static absl::Status Mixed(const Node& node) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", node.name, " (", node.op, ") may mix what is padded with the rest"));
  }

  std::string TextOf(const Node& node, const Lane& lane) const {
    const Compute& compute = node.compute;
    std::string text = absl::StrCat(node.op, " ", Sv(NameOf(compute.output->dtype)), " ",
                                    static_cast<int>(compute.reducer));
    for (const ValueId input : node.inputs) absl::StrAppend(&text, " ", graph_.values[input].name);
    for (size_t axis = 0; axis < compute.axes.size(); ++axis) {
      const bool samples = static_cast<int>(axis) == lane.axis;
      absl::StrAppend(&text, samples ? " samples*" : " ",
                      samples ? lane.each : compute.axes[axis].extent);
    }
    for (const Axis& axis : compute.reduce) absl::StrAppend(&text, " over ", axis.extent);
    const Ranges ranges = RangesOf(compute);
    for (const Expr& e : ExprsOf(compute)) absl::StrAppend(&text, "\n", Print(Simplify(e, ranges)));
    if (compute.procedure != nullptr) absl::StrAppend(&text, "\n", Print(compute.procedure));
    return text;
  }

  void AddConstant(const Value& value) {
    if (value.constant.empty() || function_.constants.contains(value.name)) return;
    const Tensor& tensor = value.constant;
    const auto* bytes = static_cast<const char*>(tensor.data());
    ConstantPrint print{.shape = tensor.shape()};
    print.hash = Hash({bytes, static_cast<size_t>(tensor.bytes())});
    for (size_t axis = 0; axis < print.shape.size(); ++axis) {
      if (print.shape[axis] != samples_) continue;
      if (const auto slice = SliceHash(tensor, axis)) print.slices[static_cast<int>(axis)] = *slice;
    }
    function_.constants[value.name] = std::move(print);
  }

  // Of any slice along the axis; nullopt when they differ.
  std::optional<size_t> SliceHash(const Tensor& tensor, size_t axis) const {
    size_t outer = 1;
    for (size_t d = 0; d < axis; ++d) outer *= static_cast<size_t>(tensor.shape()[d]);
    const auto* bytes = static_cast<const char*>(tensor.data());
    const size_t row = static_cast<size_t>(tensor.bytes()) / outer;
    const size_t slice = row / static_cast<size_t>(samples_);
    size_t hash = 0;
    for (size_t i = 0; i < outer; ++i) {
      const char* first = bytes + i * row;
      // All equal the first: each equals the one before it.
      if (std::memcmp(first, first + slice, row - slice) != 0) return std::nullopt;
      hash = hash * 31 + Hash({first, slice});
    }
    return hash;
  }

  const Graph& graph_;
  std::vector<Lane> lanes_;  // by value
  int64_t samples_ = 2;
  SampleFunction function_;
};

// The same for every sample: equal, or equal slices along the one axis in which they differ.
bool Same(const ConstantPrint& a, const ConstantPrint& b) {
  if (a.shape == b.shape) return a.hash == b.hash;
  if (a.shape.size() != b.shape.size()) return false;
  int axis = -1;
  for (size_t d = 0; d < a.shape.size(); ++d) {
    if (a.shape[d] == b.shape[d]) continue;
    if (axis >= 0) return false;
    axis = static_cast<int>(d);
  }
  const auto left = a.slices.find(axis), right = b.slices.find(axis);
  return left != a.slices.end() && right != b.slices.end() && left->second == right->second;
}

absl::Status Differs(const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(what, " depends on its extent"));
}

}  // namespace

absl::StatusOr<SampleFunction> SeparateSamples(const Graph& graph,
                                               const std::vector<int>& input_axes) {
  return Separator(graph, input_axes).Run();
}

absl::Status SameOfEverySample(const SampleFunction& a, const SampleFunction& b) {
  for (size_t i = 0; i < a.steps.size() && i < b.steps.size(); ++i) {
    if (a.steps[i].text != b.steps[i].text) {
      return Differs(absl::StrCat("node ", a.steps[i].node));
    }
  }
  if (a.steps.size() != b.steps.size() || a.output_axes != b.output_axes) {
    return Differs("which nodes there are");
  }
  for (const auto& [name, constant] : a.constants) {
    const auto other = b.constants.find(name);
    if (other == b.constants.end() || !Same(constant, other->second)) {
      return Differs(absl::StrCat("constant ", name));
    }
  }
  return absl::OkStatus();
}

}  // namespace tilewright
