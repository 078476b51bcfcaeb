#include "runtime/choose_plan.h"

#include <algorithm>
#include <optional>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

std::vector<Shape> ShapesOf(const ExecutionPlan& plan, const std::vector<int>& ids) {
  std::vector<Shape> shapes;
  for (const int id : ids) shapes.push_back(plan.tensors[static_cast<size_t>(id)].shape);
  return shapes;
}

std::string Text(const std::vector<std::string>& names, const std::vector<Shape>& shapes) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : " ") + names[i] + ":";
    for (size_t d = 0; d < shapes[i].size(); ++d) {
      if (d > 0) text += ',';
      text += std::to_string(shapes[i][d]);
    }
  }
  return text;
}

std::vector<std::string> InputNames(const ExecutionPlan& plan) {
  std::vector<std::string> names;
  for (const int id : plan.inputs) names.push_back(plan.tensors[static_cast<size_t>(id)].name);
  return names;
}

std::vector<Shape> InOrder(const std::vector<std::string>& names,
                           const std::map<std::string, Shape>& inputs) {
  std::vector<Shape> shapes;
  std::string needed;
  for (const std::string& name : names) {
    needed += " " + name;
    if (const auto given = inputs.find(name); given != inputs.end()) {
      shapes.push_back(given->second);
    }
  }
  if (shapes.size() == names.size() && inputs.size() == names.size()) return shapes;
  throw Error(TW_INVALID_ARGUMENT,
              "give the shape of every input and no other; the inputs are" + needed);
}

// The number of samples that the inputs hold, of those of the plan; nullopt when they disagree.
std::optional<int64_t> SamplesAsked(const PlanPadding& padding, const std::vector<Shape>& asked,
                                    const std::vector<Shape>& planned) {
  std::optional<int64_t> samples;
  for (size_t i = 0; i < asked.size(); ++i) {
    if (padding.inputs[i] < 0) continue;
    const auto axis = static_cast<size_t>(padding.inputs[i]);
    if (asked[i].size() != planned[i].size()) return std::nullopt;
    const int64_t here = asked[i][axis];
    if (here < 1 || here > planned[i][axis] || samples.value_or(here) != here) return std::nullopt;
    samples = here;
  }
  return samples;
}

// Cuts `chosen` down to so many samples.
void Cut(const PlanPadding& padding, int64_t samples, ChosenPlan& chosen) {
  int64_t all = 0;
  for (size_t i = 0; i < chosen.inputs.size(); ++i) {
    if (padding.inputs[i] < 0) continue;
    int64_t& extent = chosen.inputs[i][static_cast<size_t>(padding.inputs[i])];
    all = extent;
    extent = samples;
  }
  for (size_t i = 0; i < chosen.outputs.size(); ++i) {
    if (padding.outputs[i] < 0) continue;
    int64_t& extent = chosen.outputs[i][static_cast<size_t>(padding.outputs[i])];
    extent = extent / all * samples;
  }
}

// The plan for the shapes asked for, padded where they are smaller; nullopt when it does not fit.
std::optional<ChosenPlan> Fit(size_t index, const ExecutionPlan& plan,
                              const std::vector<Shape>& asked) {
  const std::vector<Shape> planned = ShapesOf(plan, plan.inputs);
  ChosenPlan chosen{index, planned, ShapesOf(plan, plan.outputs)};
  for (const PlanPadding& padding : plan.padding) {
    const std::optional<int64_t> samples = SamplesAsked(padding, asked, planned);
    if (!samples) return std::nullopt;
    Cut(padding, *samples, chosen);
  }
  if (chosen.inputs != asked) return std::nullopt;
  return chosen;
}

double InputElements(const ExecutionPlan& plan) {
  double elements = 0;
  for (const Shape& shape : ShapesOf(plan, plan.inputs)) {
    double here = 1;
    for (const int64_t extent : shape) here *= static_cast<double>(extent);
    elements += here;
  }
  return elements;
}

[[noreturn]] void NoneFits(const std::vector<ExecutionPlan>& plans,
                           const std::vector<Shape>& asked) {
  const std::vector<std::string> names = InputNames(plans[0]);
  std::string text = "the package has no shapes for " + Text(names, asked) + "; it has";
  for (const ExecutionPlan& plan : plans) {
    text += (&plan == &plans[0] ? " " : "; ") + Text(names, ShapesOf(plan, plan.inputs));
  }
  // Of one plan: the others have the same reasons.
  const auto unpadded = std::find_if(plans.begin(), plans.end(),
                                     [](const auto& plan) { return !plan.unpadded.empty(); });
  if (unpadded != plans.end()) {
    for (const std::string& why : unpadded->unpadded) text += "; " + why;
  }
  throw Error(TW_INVALID_ARGUMENT, text);
}

}  // namespace

ChosenPlan ChoosePlan(const std::vector<ExecutionPlan>& plans,
                      const std::map<std::string, Shape>& inputs) {
  const std::vector<Shape> asked = InOrder(InputNames(plans[0]), inputs);
  std::optional<ChosenPlan> best;
  for (size_t i = 0; i < plans.size(); ++i) {
    const std::optional<ChosenPlan> fit = Fit(i, plans[i], asked);
    if (!fit) continue;
    if (!best || InputElements(plans[i]) < InputElements(plans[best->index])) best = fit;
  }
  if (!best) NoneFits(plans, asked);
  return *best;
}

}  // namespace tilewright::runtime
