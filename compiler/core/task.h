// A task: workload x template x target, one search space.
#pragma once

#include <string>

#include "compiler/core/target.h"
#include "compiler/core/workload.h"

namespace tilewright {

struct Task {
  Workload workload;
  std::string template_name;  // "conv2d_nchwc.cpu"
  Target target;

  friend bool operator==(const Task&, const Task&) = default;
};

// "conv2d_nchwc.cpu|cpu -mcpu=znver5|conv2d(...)": equal keys share measurements.
inline std::string KeyOf(const Task& task) {
  return task.template_name + "|" + ToString(task.target) + "|" + task.workload.Key();
}

}  // namespace tilewright
