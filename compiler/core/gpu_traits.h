// What schedules need to know of a GPU: from the target's text alone, so that a config space is the
// same on every machine.
#pragma once

#include "compiler/core/launch.h"
#include "compiler/core/target.h"
#include "runtime/device/gpu_traits.h"

namespace tilewright {

using runtime::GpuTraits;

// REQUIRES: IsGpu(target).
GpuTraits GpuTraitsOf(const Target& target);

// 90 of "cuda -arch=sm_90", of "emu -arch=sm_90" or of such a -model; 0 of other targets, and
// where neither is said.
int ArchitectureNumber(const Target& target);

// Of a kind of device (runtime/device/device_kind.h).
inline bool IsGpu(const Target& target) { return target.kind != "cpu"; }

}  // namespace tilewright
