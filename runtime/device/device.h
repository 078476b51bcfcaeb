// A GPU, or what OpenCL takes for one: memory of its own, modules of kernels, launches in order.
// Drivers are loaded when first asked for (dlopen), so that one binary serves machines with and
// without them. Everything throws Error: UNAVAILABLE when the driver or device is missing or lost,
// BAD_PACKAGE for code it refuses, INTERNAL for what fails while running. A device is used by one
// thread at a time, not always the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tilewright::runtime {

// What a device says of itself.
struct DeviceInfo {
  std::string name;         // "NVIDIA H100 80GB HBM3", "pthread-skylake-avx512"
  std::string driver;       // "PoCL 3.1", "CUDA 13.0"
  std::string arch;         // "sm_90"; empty for OpenCL
  std::string uuid;         // "GPU-..."; empty where the driver knows none
  int64_t max_threads = 0;  // of a block
  std::array<int64_t, 3> max_block = {};
  int64_t shared_bytes = 0;  // of a block
  int64_t memory_bytes = 0;
  int64_t cache_bytes = 0;  // the last one before memory; 0: unknown
  int compute_units = 0;
  int clock_mhz = 0;
  int vector_width = 1;  // preferred, of float32
  bool doubles = false;
};

// How a device is at the moment, as far as its driver says.
struct DeviceCondition {
  int clock_mhz = 0, most_clock_mhz = 0, celsius = 0;  // 0: unknown
  std::string slowed;  // what is wrong that holds its clock down, "too hot"; empty: nothing
};

// A piece of device memory. May be destroyed by any thread, as modules and replays may.
class DeviceBuffer {
 public:
  virtual ~DeviceBuffer() = default;
};

class DeviceKernel {
 public:
  virtual ~DeviceKernel() = default;
};

// Compiled or source code, loaded.
class DeviceModule {
 public:
  virtual ~DeviceModule() = default;
  // Null when there is no such kernel.
  virtual std::unique_ptr<DeviceKernel> Find(const std::string& name) = 0;
};

// Launches that were recorded.
class DeviceReplay {
 public:
  virtual ~DeviceReplay() = default;
  // Starts all of them, in order with what else the device was told.
  virtual void Start() = 0;
};

// Slices of device memory start at multiples of this: the largest base alignment that OpenCL
// devices are known to ask for (NVIDIA: 4096 bits).
inline constexpr int64_t kDeviceAlignment = 512;

class Device {
 public:
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  // Of any thread, while it works too. Never throws.
  virtual DeviceCondition condition() const { return {}; }
  virtual std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) = 0;
  // A part of `whole`, which must outlive it. REQUIRES: `offset` is a multiple of kDeviceAlignment.
  virtual std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t bytes) = 0;
  virtual std::unique_ptr<DeviceModule> Load(std::string_view code) = 0;
  // These run in order; Download and Synchronize wait for them.
  virtual void Upload(DeviceBuffer& to, const void* from, size_t bytes) = 0;
  virtual void Download(void* to, DeviceBuffer& from, size_t bytes) = 0;
  virtual void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
                      const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) = 0;
  // Records what `launches` launches, which does not run then, to be started again and again for
  // less than a launch costs where the driver can. Kernels and buffers must outlive it.
  // REQUIRES: it does nothing but launch kernels that have run before, and can be called later.
  virtual std::unique_ptr<DeviceReplay> Record(std::function<void()> launches);
  virtual void Synchronize() = 0;
};

// Every device of one kind, or why there is none.
struct DeviceSurvey {
  std::vector<DeviceInfo> devices;
  std::string missing;  // empty when there are devices
};
// kind: "opencl", "cuda", ... (device_driver.h). Never throws.
DeviceSurvey SurveyDevices(const std::string& kind);

// INVALID_ARGUMENT for a name that no device has on any machine: of an unknown kind, or without a
// number after its colon.
void CheckDeviceName(const std::string& name);
// "opencl:0", "cuda:1", "emu:7" (seed 7); without a number the first. INVALID_ARGUMENT for other
// names.
std::unique_ptr<Device> OpenDevice(const std::string& name);

}  // namespace tilewright::runtime
