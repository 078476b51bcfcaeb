// The schedule of every operator that is not tuned, on GPUs: a thread an output element, neighbours
// in a block next to each other in the output, reductions in a register.
#pragma once

#include "compiler/loop/compute.h"

namespace tilewright {

// Always succeeds. The launch is within every device's limits (LaunchLimits' defaults and
// OpenCL's least).
Program ScheduleFixedGpu(const Compute& compute);

}  // namespace tilewright
