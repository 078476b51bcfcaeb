// NVIDIA devices by the CUDA driver; modules are cubins or PTX.
#pragma once

#include <memory>

#include "runtime/device/device.h"

namespace tilewright::runtime {

// Both throw Error UNAVAILABLE when there is no driver (see cuda_api.h); the second also when there
// is no such device.
DeviceSurvey SurveyCuda();
std::unique_ptr<Device> OpenCuda(size_t index);

}  // namespace tilewright::runtime
