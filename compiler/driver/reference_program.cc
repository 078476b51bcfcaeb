#include "compiler/driver/reference_program.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tilewright {

Program ReferenceProgram(const Compute& compute) {
  Program program = LowerPlain(compute);
  if (compute.procedure != nullptr || !compute.stages.empty() || compute.axes.empty()) {
    return program;
  }
  Stmt point = program.body;
  for (size_t i = 0; i < compute.axes.size(); ++i) point = point->body[0];
  std::vector<Axis> axes = compute.axes;
  const auto longest = std::max_element(
      axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.extent < b.extent; });
  std::rotate(axes.begin(), longest, longest + 1);
  for (size_t i = axes.size(); i-- > 0;) {
    const LoopKind loop = i == 0 ? LoopKind::kParallel : LoopKind::kSerial;
    point = For(axes[i].var, axes[i].extent, loop, std::move(point));
  }
  program.body = std::move(point);
  return program;
}

}  // namespace tilewright
