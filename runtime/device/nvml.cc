#include "runtime/device/nvml.h"

#include <array>

#include "runtime/device/library.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

struct NvmlDeviceTag;
using NvmlDevice = NvmlDeviceTag*;

constexpr unsigned kClockOfMultiprocessors = 1, kTemperatureOfGpu = 0;

// NVML API reference, "nvmlClocksThrottleReasons": those that mean trouble.
struct Slowdown {
  uint64_t bit;
  const char* text;
};
constexpr std::array<Slowdown, 4> kSlowdowns = {{{0x40, "too hot (hardware)"},
                                                 {0x80, "power brake"},
                                                 {0x20, "too hot (driver)"},
                                                 {0x08, "hardware slowdown"}}};

// Functions return 0 for success.
struct NvmlApi {
  int (*Init)();
  int (*DeviceGetHandleByUUID)(const char* uuid, NvmlDevice* device);
  int (*DeviceGetClockInfo)(NvmlDevice device, unsigned clock, unsigned* mhz);
  int (*DeviceGetMaxClockInfo)(NvmlDevice device, unsigned clock, unsigned* mhz);
  int (*DeviceGetTemperature)(NvmlDevice device, unsigned sensor, unsigned* celsius);
  int (*DeviceGetCurrentClocksThrottleReasons)(NvmlDevice device, unsigned long long* reasons);
};

NvmlApi LoadNvml() {
  const Library library({"libnvidia-ml.so.1"}, "management library (libnvidia-ml.so.1)");
  NvmlApi api;
  library.Bind(api.Init, "nvmlInit_v2");
  library.Bind(api.DeviceGetHandleByUUID, "nvmlDeviceGetHandleByUUID");
  library.Bind(api.DeviceGetClockInfo, "nvmlDeviceGetClockInfo");
  library.Bind(api.DeviceGetMaxClockInfo, "nvmlDeviceGetMaxClockInfo");
  library.Bind(api.DeviceGetTemperature, "nvmlDeviceGetTemperature");
  library.Bind(api.DeviceGetCurrentClocksThrottleReasons,
               "nvmlDeviceGetCurrentClocksThrottleReasons");
  if (api.Init() != 0) throw Error(TW_UNAVAILABLE, "the management library does not start");
  return api;
}

// Null: there is none that works.
const NvmlApi* Nvml() {
  static const NvmlApi* const api = []() -> const NvmlApi* {
    try {
      return new NvmlApi(LoadNvml());
    } catch (const Error&) {
      return nullptr;
    }
  }();
  return api;
}

}  // namespace

std::string TextOfSlowdown(uint64_t reasons) {
  std::string text;
  for (const Slowdown& slowdown : kSlowdowns) {
    if ((reasons & slowdown.bit) == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(slowdown.text);
  }
  return text;
}

DeviceCondition NvmlCondition(const std::string& uuid) {
  DeviceCondition condition;
  const NvmlApi* const api = Nvml();
  NvmlDevice device = nullptr;
  if (api == nullptr || api->DeviceGetHandleByUUID(uuid.c_str(), &device) != 0) return condition;
  unsigned value = 0;
  if (api->DeviceGetClockInfo(device, kClockOfMultiprocessors, &value) == 0) {
    condition.clock_mhz = static_cast<int>(value);
  }
  if (api->DeviceGetMaxClockInfo(device, kClockOfMultiprocessors, &value) == 0) {
    condition.most_clock_mhz = static_cast<int>(value);
  }
  if (api->DeviceGetTemperature(device, kTemperatureOfGpu, &value) == 0) {
    condition.celsius = static_cast<int>(value);
  }
  unsigned long long reasons = 0;
  if (api->DeviceGetCurrentClocksThrottleReasons(device, &reasons) == 0) {
    condition.slowed = TextOfSlowdown(reasons);
  }
  return condition;
}

}  // namespace tilewright::runtime
