#include "runtime/device/cuda_device.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/device/cuda_api.h"
#include "runtime/device/launch_needs.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr CuResult kInvalidPtx = 218, kNoBinary = 209, kInvalidImage = 200, kNotFound = 500;

struct Buffer final : DeviceBuffer {
  Buffer(CuPointer p, bool own) : pointer(p), owned(own) {}
  ~Buffer() override {
    if (owned) Cuda().MemFree(pointer);
  }
  CuPointer pointer;
  bool owned;
};

struct Kernel final : DeviceKernel {
  Kernel(CuFunction f, LaunchNeeds n) : function(f), needs(std::move(n)) {
    if (needs.shared_bytes == 0) return;
    const auto bytes = static_cast<int>(needs.shared_bytes);
    CheckCuda(Cuda().FuncSetAttribute(function, kCuMaxDynamicSharedBytes, bytes),
              "give a kernel its shared memory");
  }
  CuFunction function;
  LaunchNeeds needs;
};

// A driver's tensor map, a parameter of a kernel.
struct alignas(64) EncodedMap {
  std::array<uint64_t, 16> words;
};

EncodedMap Encode(const TensorMap& map, CuPointer address) {
  if (Cuda().TensorMapEncodeTiled == nullptr) {
    throw Error(TW_UNAVAILABLE,
                "the CUDA driver has no tensor maps, which a kernel needs; update it to CUDA 12");
  }
  const size_t rank = map.extents.size();
  // The driver's first dimension is the last one; the first's stride is an element.
  const std::vector<uint64_t> extents(map.extents.rbegin(), map.extents.rend());
  const std::vector<uint32_t> box(map.box.rbegin(), map.box.rend()), ones(rank, 1);
  std::vector<uint64_t> strides;
  uint64_t stride = static_cast<uint64_t>(map.element_bytes);
  for (size_t d = 0; d + 1 < rank; ++d) strides.push_back(stride *= extents[d]);
  EncodedMap encoded = {};
  const int type = map.element_bytes == 1 ? kCuBytes : kCuHalfWords;
  CheckCuda(Cuda().TensorMapEncodeTiled(&encoded, type, static_cast<unsigned>(rank),
                                        reinterpret_cast<void*>(address), extents.data(),
                                        strides.data(), box.data(), ones.data(), kCuNoInterleave,
                                        kCuSwizzle128, kCuPromote256, kCuZeros),
            "encode a tensor map");
  return encoded;
}

struct Module final : DeviceModule {
  explicit Module(CuModule m) : module(m) {}
  ~Module() override { Cuda().ModuleUnload(module); }

  std::unique_ptr<DeviceKernel> Find(const std::string& name) override {
    CuFunction function = nullptr;
    const CuResult result = Cuda().ModuleGetFunction(&function, module, name.c_str());
    if (result == kNotFound) return nullptr;
    CheckCuda(result, "find a kernel");
    return std::make_unique<Kernel>(function, NeedsOf(name));
  }

  // What the module says that the kernel's launch needs; of most nothing.
  LaunchNeeds NeedsOf(const std::string& kernel) {
    CuPointer at = 0;
    size_t bytes = 0;
    const std::string name = "tw_needs_" + kernel;
    const CuResult result = Cuda().ModuleGetGlobal(&at, &bytes, module, name.c_str());
    if (result == kNotFound) return {};
    CheckCuda(result, "find what a kernel needs");
    std::vector<int64_t> words(std::min(bytes / sizeof(int64_t), kMostNeedsWords));
    CheckCuda(Cuda().MemcpyDtoH(words.data(), at, words.size() * sizeof(int64_t)),
              "read what a kernel needs");
    return ReadLaunchNeeds(std::span<const int64_t>(words).subspan(words.empty() ? 0 : 1));
  }

  CuModule module;
};

int AttributeOf(CuDevice device, int attribute) {
  int value = 0;
  CheckCuda(Cuda().DeviceGetAttribute(&value, attribute, device), "describe a device");
  return value;
}

DeviceInfo Describe(CuDevice device) {
  DeviceInfo info{.vector_width = 1, .doubles = true};
  char name[256] = "";
  CheckCuda(Cuda().DeviceGetName(name, sizeof(name), device), "describe a device");
  info.name = name;
  int version = 0;
  CheckCuda(Cuda().DriverGetVersion(&version), "describe the driver");
  info.driver =
      "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  info.arch =
      "sm_" + std::to_string(AttributeOf(device, kCuMajor) * 10 + AttributeOf(device, kCuMinor));
  info.max_threads = AttributeOf(device, kCuMaxThreads);
  for (int d = 0; d < 3; ++d) {
    info.max_block[static_cast<size_t>(d)] = AttributeOf(device, kCuMaxBlockX + d);
  }
  info.shared_bytes = AttributeOf(device, kCuMaxSharedBytes);
  info.compute_units = AttributeOf(device, kCuMultiprocessors);
  info.clock_mhz = AttributeOf(device, kCuClockKhz) / 1000;
  size_t bytes = 0;
  CheckCuda(Cuda().DeviceTotalMem(&bytes, device), "describe a device");
  info.memory_bytes = static_cast<int64_t>(bytes);
  return info;
}

int CountDevices() {
  int count = 0;
  CheckCuda(Cuda().DeviceGetCount(&count), "count devices");
  return count;
}

CuDevice DeviceAt(int index) {
  CuDevice device = 0;
  CheckCuda(Cuda().DeviceGet(&device, index), "open a device");
  return device;
}

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(CuDevice device) : device_(device), info_(Describe(device)) {
    CheckCuda(Cuda().DevicePrimaryCtxRetain(&context_, device_), "open a device");
    CheckCuda(Cuda().CtxSetCurrent(context_), "use a device");
  }
  ~CudaDevice() override { Cuda().DevicePrimaryCtxRelease(device_); }

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) override {
    CuPointer pointer = 0;
    const std::string what = "allocate " + std::to_string(bytes) + " bytes";
    CheckCuda(Cuda().MemAlloc(&pointer, bytes == 0 ? 1 : bytes), what.c_str());
    return std::make_unique<Buffer>(pointer, true);
  }

  std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t) override {
    return std::make_unique<Buffer>(static_cast<Buffer&>(whole).pointer + offset, false);
  }

  std::unique_ptr<DeviceModule> Load(std::string_view code) override {
    CuModule module = nullptr;
    const std::string image(code);  // PTX must end with a zero byte
    const CuResult result = Cuda().ModuleLoadData(&module, image.c_str());
    if (result == kNoBinary || result == kInvalidPtx || result == kInvalidImage) {
      throw BadPackage("the kernels are not for this device, " + info_.name + " (" + info_.arch +
                       "); compile the model for cuda -arch=" + info_.arch);
    }
    CheckCuda(result, "load kernels");
    return std::make_unique<Module>(module);
  }

  void Upload(DeviceBuffer& to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    CheckCuda(Cuda().MemcpyHtoD(static_cast<Buffer&>(to).pointer, from, bytes), "write a buffer");
  }

  void Download(void* to, DeviceBuffer& from, size_t bytes) override {
    if (bytes == 0) return;
    CheckCuda(Cuda().MemcpyDtoH(to, static_cast<Buffer&>(from).pointer, bytes), "read a buffer");
  }

  void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
              const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) override {
    std::vector<void*> pointers;
    for (DeviceBuffer* arg : args) pointers.push_back(&static_cast<Buffer*>(arg)->pointer);
    const auto& function = static_cast<Kernel&>(kernel);
    std::vector<EncodedMap> maps;
    for (const TensorMap& map : function.needs.maps) {
      const auto operand = static_cast<size_t>(map.operand);
      if (operand >= args.size()) throw BadPackage("a kernel has a map of no operand");
      maps.push_back(Encode(map, static_cast<Buffer*>(args[operand])->pointer));
    }
    for (EncodedMap& map : maps) pointers.push_back(&map);
    const auto at = [](const std::array<int64_t, 3>& sizes, size_t d) {
      return static_cast<unsigned>(sizes[d]);
    };
    CheckCuda(Cuda().LaunchKernel(function.function, at(grid, 0), at(grid, 1), at(grid, 2),
                                  at(block, 0), at(block, 1), at(block, 2),
                                  static_cast<unsigned>(function.needs.shared_bytes), nullptr,
                                  pointers.data(), nullptr),
              "start a kernel");
  }

  void Synchronize() override { CheckCuda(Cuda().CtxSynchronize(), "finish"); }

 private:
  CuDevice device_;
  DeviceInfo info_;
  CuContext context_ = nullptr;
};

}  // namespace

DeviceSurvey SurveyCuda() {
  DeviceSurvey survey;
  const int count = CountDevices();
  for (int i = 0; i < count; ++i) survey.devices.push_back(Describe(DeviceAt(i)));
  if (survey.devices.empty()) survey.missing = "the CUDA driver finds no device";
  return survey;
}

std::unique_ptr<Device> OpenCuda(size_t index) {
  const int count = CountDevices();
  if (index < static_cast<size_t>(count)) {
    return std::make_unique<CudaDevice>(DeviceAt(static_cast<int>(index)));
  }
  throw Error(TW_UNAVAILABLE,
              "no device cuda:" + std::to_string(index) + "; found " + std::to_string(count));
}

}  // namespace tilewright::runtime
