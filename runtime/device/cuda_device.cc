#include "runtime/device/cuda_device.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/device/cuda_api.h"
#include "runtime/device/launch_needs.h"
#include "runtime/device/nvml.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr CuResult kInvalidImage = 200, kNoBinary = 209, kInvalidPtx = 218, kNewerPtx = 222;
constexpr CuResult kNotFound = 500;
constexpr char kNeedsPrefix[] = "tw_needs_";

// Calls are for the context that is the thread's.
void Use(CuContext context) { CheckCuda(Cuda().CtxSetCurrent(context), "use a device"); }

struct Buffer final : DeviceBuffer {
  // Of a slice, which owns nothing, the context is null.
  Buffer(CuPointer p, CuContext c) : pointer(p), context(c) {}
  ~Buffer() override {
    if (context == nullptr) return;
    Cuda().CtxSetCurrent(context);
    Cuda().MemFree(pointer);
  }
  CuPointer pointer;
  CuContext context;
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

// Where the driver does not take a module, or loads it late, at its first kernel.
void CheckImage(CuResult result, const DeviceInfo& info, const char* what) {
  if (result == kNoBinary) {
    throw BadPackage("the kernels are not for this device, " + info.name + " (" + info.arch +
                     "); compile the model for cuda -arch=" + info.arch);
  }
  if (result == kInvalidImage || result == kInvalidPtx || result == kNewerPtx) {
    throw BadPackage("the driver of " + info.name + ", " + info.driver +
                     ", cannot read the kernels (error " + std::to_string(result) +
                     "): they are damaged or were compiled by an NVRTC that is newer than the "
                     "driver; update the driver or compile the model for cuda -arch=" +
                     info.arch + " with an older CUDA toolkit");
  }
  CheckCuda(result, what);
}

struct Module final : DeviceModule {
  Module(CuModule m, CuContext c, const DeviceInfo& i, std::string_view code)
      : module(m), context(c), info(i) {
    if (code.find(kNeedsPrefix) != code.npos) image = code;
  }
  ~Module() override {
    Cuda().CtxSetCurrent(context);
    Cuda().ModuleUnload(module);
  }

  std::unique_ptr<DeviceKernel> Find(const std::string& name) override {
    Use(context);
    CuFunction function = nullptr;
    const CuResult result = Cuda().ModuleGetFunction(&function, module, name.c_str());
    if (result == kNotFound) return nullptr;
    CheckImage(result, info, "find a kernel");
    return std::make_unique<Kernel>(function, NeedsOf(name));
  }

  // What the module says that the kernel's launch needs; of most nothing.
  LaunchNeeds NeedsOf(const std::string& kernel) {
    CuPointer at = 0;
    size_t bytes = 0;
    const std::string name = kNeedsPrefix + kernel;
    const CuResult result = Cuda().ModuleGetGlobal(&at, &bytes, module, name.c_str());
    // A launch without what it needs would run into anything.
    if (result == kNotFound && image.find(name + '\0') == image.npos) return {};
    CheckCuda(result, "find what a kernel needs");
    std::vector<int64_t> words(std::min(bytes / sizeof(int64_t), kMostNeedsWords));
    CheckCuda(Cuda().MemcpyDtoH(words.data(), at, words.size() * sizeof(int64_t)),
              "read what a kernel needs");
    return ReadLaunchNeeds(std::span<const int64_t>(words).subspan(words.empty() ? 0 : 1));
  }

  CuModule module;
  CuContext context;
  const DeviceInfo& info;
  std::string image;  // where a kernel of it has needs
};

// A graph of launches.
class Replay final : public DeviceReplay {
 public:
  Replay(CuGraph graph, CuStream stream, CuContext context) : stream_(stream), context_(context) {
    const CuResult made = Cuda().GraphInstantiate(&exec_, graph, 0);
    Cuda().GraphDestroy(graph);
    CheckCuda(made, "make a graph of launches");
  }
  ~Replay() override {
    Cuda().CtxSetCurrent(context_);
    Cuda().GraphExecDestroy(exec_);
  }

  // Else the first start would.
  void MoveToDevice() {
    CheckCuda(Cuda().GraphUpload(exec_, stream_), "move a graph of launches to the device");
  }

  void Start() override {
    Use(context_);
    CheckCuda(Cuda().GraphLaunch(exec_, stream_), "start a graph of launches");
  }

 private:
  CuGraphExec exec_ = nullptr;
  const CuStream stream_;
  const CuContext context_;
};

int AttributeOf(CuDevice device, int attribute) {
  int value = 0;
  CheckCuda(Cuda().DeviceGetAttribute(&value, attribute, device), "describe a device");
  return value;
}

// As NVML writes it; empty where the driver does not say.
std::string UuidOf(CuDevice device) {
  unsigned char bytes[16] = {};
  if (Cuda().DeviceGetUuid == nullptr || Cuda().DeviceGetUuid(&bytes, device) != 0) return "";
  std::string text = "GPU-";
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
  }
  return text;
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
  info.cache_bytes = AttributeOf(device, kCuCacheBytes);
  info.uuid = UuidOf(device);
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
    Use(context_);
    // One that waits for the copies, which are the default stream's, and they for it: launches of
    // that stream cannot be recorded.
    CheckCuda(Cuda().StreamCreate(&stream_, 0), "make a stream");
  }
  ~CudaDevice() override {
    Cuda().CtxSetCurrent(context_);
    Cuda().StreamDestroy(stream_);
    Cuda().DevicePrimaryCtxRelease(device_);
  }

  const DeviceInfo& info() const override { return info_; }
  DeviceCondition condition() const override { return NvmlCondition(info_.uuid); }

  std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) override {
    Use(context_);
    CuPointer pointer = 0;
    const std::string what = "allocate " + std::to_string(bytes) + " bytes";
    CheckCuda(Cuda().MemAlloc(&pointer, bytes == 0 ? 1 : bytes), what.c_str());
    return std::make_unique<Buffer>(pointer, context_);
  }

  std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t) override {
    return std::make_unique<Buffer>(static_cast<Buffer&>(whole).pointer + offset, nullptr);
  }

  std::unique_ptr<DeviceModule> Load(std::string_view code) override {
    Use(context_);
    CuModule module = nullptr;
    const std::string image(code);  // PTX must end with a zero byte
    CheckImage(Cuda().ModuleLoadData(&module, image.c_str()), info_, "load kernels");
    return std::make_unique<Module>(module, context_, info_, code);
  }

  void Upload(DeviceBuffer& to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    Use(context_);
    CheckCuda(Cuda().MemcpyHtoD(static_cast<Buffer&>(to).pointer, from, bytes), "write a buffer");
  }

  void Download(void* to, DeviceBuffer& from, size_t bytes) override {
    if (bytes == 0) return;
    Use(context_);
    CheckCuda(Cuda().MemcpyDtoH(to, static_cast<Buffer&>(from).pointer, bytes), "read a buffer");
  }

  void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
              const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) override {
    Use(context_);
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
                                  static_cast<unsigned>(function.needs.shared_bytes), stream_,
                                  pointers.data(), nullptr),
              "start a kernel");
  }

  std::unique_ptr<DeviceReplay> Record(std::function<void()> launches) override {
    Use(context_);
    CheckCuda(Cuda().StreamBeginCapture(stream_, kCuCaptureRelaxed), "record launches");
    CuGraph graph = nullptr;
    try {
      launches();
    } catch (...) {
      Cuda().StreamEndCapture(stream_, &graph);
      if (graph != nullptr) Cuda().GraphDestroy(graph);
      throw;
    }
    CheckCuda(Cuda().StreamEndCapture(stream_, &graph), "record launches");
    auto replay = std::make_unique<Replay>(graph, stream_, context_);
    replay->MoveToDevice();
    return replay;
  }

  void Synchronize() override {
    Use(context_);
    CheckCuda(Cuda().CtxSynchronize(), "finish");
  }

 private:
  CuDevice device_;
  DeviceInfo info_;
  CuContext context_ = nullptr;
  CuStream stream_ = nullptr;
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
