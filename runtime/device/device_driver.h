// The half of a kind of device (device_kind.h) that runs code: everything of it that the runtime
// needs. Each file of runtime/device/kinds, NAME.cc, gives one by `const DeviceDriver&
// NAME_driver()`. A value; its functions are thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/device.h"

namespace tilewright::runtime {

struct DeviceDriver {
  std::string_view name;       // of devices ("cuda:1"), targets and packages
  std::string_view code_file;  // what holds the kernels in a package: "mod.cubin"
  bool timed = true;           // false: it checks kernels, and its times say nothing
  // Both throw Error UNAVAILABLE when the driver is missing, the second also for a device that is
  // not there.
  DeviceSurvey (*survey)() = nullptr;
  std::unique_ptr<Device> (*open)(size_t index) = nullptr;
  // Sets the process's environment so that the driver keeps what it writes in `folder`; null: it
  // writes nothing.
  void (*keep_files_in)(const char* folder) = nullptr;
};

// Those that this library was built with, by name.
const std::vector<const DeviceDriver*>& DeviceDrivers();
// Null when there is none of that name.
const DeviceDriver* FindDriver(std::string_view name);
// "cuda, emu, opencl", for messages.
std::string KnownDrivers();

// "cuda" of "cuda:1".
std::string_view KindOf(std::string_view device);

}  // namespace tilewright::runtime
