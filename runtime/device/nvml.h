// What NVIDIA's management library (libnvidia-ml.so.1, it comes with the driver) says of a device:
// its clock and what holds it down. Loaded when first asked for. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/device/device.h"

namespace tilewright::runtime {

// Of the device with this UUID, "GPU-...". What is not known, without the library all, stays as it
// is by default. Never throws.
DeviceCondition NvmlCondition(const std::string& uuid);

// "too hot" of nvmlClocksThrottleReasons (nvml.h); empty where nothing but the load, the power
// limit or a setting bounds the clock, as it does in normal use.
std::string TextOfSlowdown(uint64_t reasons);

}  // namespace tilewright::runtime
