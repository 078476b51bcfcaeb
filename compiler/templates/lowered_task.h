// What a template makes of (workload, target, config): programs and the buffers between them.
#pragma once

#include <string>
#include <vector>

#include "compiler/core/tensor.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// One program over operands by number: first the task's arguments (ArgumentTypes of the workload),
// then the buffers. operands[i] is program.params[i]; element types and counts agree.
struct LoweredStep {
  Program program;
  std::vector<int> operands;
};

struct LoweredTask {
  // Operands beyond the arguments: prepared weights and scratch between steps.
  std::vector<TensorType> buffers;
  // Run once where the weights are known, at compile time if they are constants: they read
  // weights (argument 1) and buffers of earlier ones, and what they write stays as it is. Those for
  // a GPU have no barriers and no shared buffers, so that a CPU can run them (WithoutThreads).
  std::vector<LoweredStep> prepare;
  std::vector<LoweredStep> steps;  // run each time, in order
  std::string schedule = "plain";  // for people: the template's name, set by who chose it
};

// A task of one program over exactly the arguments.
inline LoweredTask SingleStep(Program program) {
  LoweredStep step{.program = std::move(program)};
  for (size_t i = 0; i < step.program.params.size(); ++i) {
    step.operands.push_back(static_cast<int>(i));
  }
  return {.steps = {std::move(step)}};
}

}  // namespace tilewright
