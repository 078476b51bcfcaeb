// The time below which no device has done a task, by what it says of itself: a kernel that seems to
// need less has not run, or the clock is wrong.
#pragma once

#include "compiler/core/dtype.h"
#include "runtime/device/device.h"

namespace tilewright {

// Operations of a compute unit in a clock that no GPU reaches, times four, which Winograd's
// algorithm saves at most. In single precision: NVIDIA has 256, AMD with dual issue 512, a core
// with two 512-bit FMA units 64. On types of at most two bytes, by matrix units: NVIDIA's B200 has
// 16384 for int8.
inline constexpr double kMostFlopsPerClock = 1024 * 4, kMostNarrowFlopsPerClock = 16384 * 4;

// 0 where the device does not say how many units it has or how fast they are.
inline double LeastSeconds(double flops, DType operand, const runtime::DeviceInfo& info) {
  const double of_unit = SizeOf(operand) <= 2 ? kMostNarrowFlopsPerClock : kMostFlopsPerClock;
  const double most = of_unit * info.compute_units * info.clock_mhz * 1e6;
  return most > 0 ? flops / most : 0;
}

}  // namespace tilewright
