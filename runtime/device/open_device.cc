#include <charconv>

#include "runtime/device/cuda_device.h"
#include "runtime/device/device.h"
#include "runtime/device/emulator_device.h"
#include "runtime/device/opencl_device.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

[[noreturn]] void UnknownDevice(const std::string& name) {
  throw Error(TW_INVALID_ARGUMENT, "unknown device \"" + name +
                                       "\"; known: cpu, opencl:N, cuda:N, emu:N (N counts from 0)");
}

DeviceSurvey Survey(const std::string& kind) {
  if (kind == "opencl") return SurveyOpenCl();
  if (kind == "cuda") return SurveyCuda();
  if (kind == "emu") return SurveyEmulator();
  UnknownDevice(kind);
}

}  // namespace

DeviceSurvey SurveyDevices(const std::string& kind) {
  try {
    DeviceSurvey survey = Survey(kind);
    if (survey.devices.empty() && survey.missing.empty()) survey.missing = "no device";
    return survey;
  } catch (const Error& error) {
    return {.missing = error.what()};
  }
}

std::unique_ptr<Device> OpenDevice(const std::string& name) {
  const size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  size_t index = 0;
  if (colon != name.npos) {
    const char* const begin = name.data() + colon + 1;
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error != std::errc() || stop != end) UnknownDevice(name);
  }
  if (kind == "opencl") return OpenOpenCl(index);
  if (kind == "cuda") return OpenCuda(index);
  if (kind == "emu") return OpenEmulator(index);
  UnknownDevice(name);
}

}  // namespace tilewright::runtime
