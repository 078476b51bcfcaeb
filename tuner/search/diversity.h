// Keeps a plan from being many copies of one idea.
#pragma once

#include <vector>

#include "compiler/schedule/config_space.h"

namespace tilewright {

// `count` of the ranked points, greedily those that bring the most knob values not yet covered;
// the rank decides ties (AutoTVM's diversity filter, apache/tvm v0.18 model_based_tuner.py).
std::vector<uint64_t> PickDiverse(const ConfigSpace& space, std::vector<uint64_t> ranked,
                                  size_t count);

}  // namespace tilewright
