// Which of a package's shapes runs inputs of the shapes at hand.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/package.h"

namespace tilewright::runtime {

using Shape = std::vector<int64_t>;

struct ChosenPlan {
  size_t index = 0;
  // Of what the user gives and gets, by position in the plan's inputs and outputs; smaller than the
  // plan's along the axes of a padding.
  std::vector<Shape> inputs, outputs;
};

// The plan with exactly these shapes, else the one of the least input elements that holds them with
// a padding that its compiler proved (PlanPadding). Throws Error: INVALID_ARGUMENT for inputs that
// are not the model's, and, with the shapes that there are and why they cannot be padded, when none
// fits. REQUIRES: plans passed CheckPlans.
ChosenPlan ChoosePlan(const std::vector<ExecutionPlan>& plans,
                      const std::map<std::string, Shape>& inputs);

}  // namespace tilewright::runtime
