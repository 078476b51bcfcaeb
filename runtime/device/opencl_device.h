// OpenCL devices; modules are OpenCL C source, built when loaded.
#pragma once

#include <memory>

#include "runtime/device/device.h"

namespace tilewright::runtime {

// Devices are counted over all platforms, in the loader's order. Both throw Error UNAVAILABLE when
// there is no loader or no platform; the second also when there is no such device.
DeviceSurvey SurveyOpenCl();
std::unique_ptr<Device> OpenOpenCl(size_t index);

}  // namespace tilewright::runtime
