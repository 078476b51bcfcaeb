#include "runtime/device/opencl_device.h"

#include <algorithm>

#include "runtime/device/opencl_api.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr size_t kMaxLogBytes = 4000;

struct Buffer final : DeviceBuffer {
  explicit Buffer(cl_mem m) : mem(m) {}
  ~Buffer() override { OpenCl().ReleaseMemObject(mem); }
  cl_mem mem;
};

struct Kernel final : DeviceKernel {
  explicit Kernel(cl_kernel k) : kernel(k) {}
  ~Kernel() override { OpenCl().ReleaseKernel(kernel); }
  cl_kernel kernel;
};

struct Module final : DeviceModule {
  explicit Module(cl_program p) : program(p) {}
  ~Module() override { OpenCl().ReleaseProgram(program); }

  std::unique_ptr<DeviceKernel> Find(const std::string& name) override {
    cl_int result = CL_SUCCESS;
    cl_kernel kernel = OpenCl().CreateKernel(program, name.c_str(), &result);
    if (result == CL_INVALID_KERNEL_NAME) return nullptr;
    CheckCl(result, "create a kernel");
    return std::make_unique<Kernel>(kernel);
  }

  cl_program program;
};

std::string TextOf(cl_device_id device, cl_device_info what) {
  char text[1024] = "";
  CheckCl(OpenCl().GetDeviceInfo(device, what, sizeof(text) - 1, text, nullptr),
          "describe a device");
  return text;
}

template <typename T>
T NumberOf(cl_device_id device, cl_device_info what) {
  T value = {};
  CheckCl(OpenCl().GetDeviceInfo(device, what, sizeof(value), &value, nullptr),
          "describe a device");
  return value;
}

DeviceInfo Describe(cl_device_id device) {
  DeviceInfo info;
  info.name = TextOf(device, CL_DEVICE_NAME);
  info.driver = TextOf(device, CL_DEVICE_VERSION);
  info.max_threads = static_cast<int64_t>(NumberOf<size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE));
  const auto sizes = NumberOf<std::array<size_t, 3>>(device, CL_DEVICE_MAX_WORK_ITEM_SIZES);
  std::copy(sizes.begin(), sizes.end(), info.max_block.begin());
  info.shared_bytes = static_cast<int64_t>(NumberOf<cl_ulong>(device, CL_DEVICE_LOCAL_MEM_SIZE));
  info.memory_bytes = static_cast<int64_t>(NumberOf<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE));
  info.cache_bytes =
      static_cast<int64_t>(NumberOf<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE));
  info.compute_units = static_cast<int>(NumberOf<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS));
  info.clock_mhz = static_cast<int>(NumberOf<cl_uint>(device, CL_DEVICE_MAX_CLOCK_FREQUENCY));
  info.vector_width =
      static_cast<int>(NumberOf<cl_uint>(device, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT));
  info.doubles = TextOf(device, CL_DEVICE_EXTENSIONS).find("cl_khr_fp64") != std::string::npos;
  return info;
}

std::vector<cl_device_id> DevicesOf(cl_platform_id platform) {
  cl_uint count = 0;
  const cl_int result = OpenCl().GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count);
  if (result == CL_DEVICE_NOT_FOUND) return {};
  CheckCl(result, "list devices");
  std::vector<cl_device_id> devices(count);
  CheckCl(OpenCl().GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, devices.data(), nullptr),
          "list devices");
  return devices;
}

std::vector<cl_device_id> AllDevices() {
  cl_uint count = 0;
  // The loader's own code for "no platform" is -1001.
  if (OpenCl().GetPlatformIDs(0, nullptr, &count) != CL_SUCCESS || count == 0) {
    throw Error(TW_UNAVAILABLE, "no OpenCL platform is installed (Debian: pocl-opencl-icd)");
  }
  std::vector<cl_platform_id> platforms(count);
  CheckCl(OpenCl().GetPlatformIDs(count, platforms.data(), nullptr), "list platforms");
  std::vector<cl_device_id> devices;
  for (cl_platform_id platform : platforms) {
    const std::vector<cl_device_id> more = DevicesOf(platform);
    devices.insert(devices.end(), more.begin(), more.end());
  }
  return devices;
}

class OpenClDevice final : public Device {
 public:
  explicit OpenClDevice(cl_device_id device) : device_(device), info_(Describe(device)) {
    cl_int result = CL_SUCCESS;
    context_ = OpenCl().CreateContext(nullptr, 1, &device_, nullptr, nullptr, &result);
    CheckCl(result, "create a context");
    queue_ = OpenCl().CreateCommandQueue(context_, device_, 0, &result);
    CheckCl(result, "create a queue");
  }

  ~OpenClDevice() override {
    if (queue_ != nullptr) OpenCl().ReleaseCommandQueue(queue_);
    OpenCl().ReleaseContext(context_);
  }

  const DeviceInfo& info() const override { return info_; }

  std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) override {
    cl_int result = CL_SUCCESS;
    cl_mem mem = OpenCl().CreateBuffer(context_, CL_MEM_READ_WRITE, std::max<size_t>(bytes, 1),
                                       nullptr, &result);
    const std::string what = "allocate " + std::to_string(bytes) + " bytes";
    CheckCl(result, what.c_str());
    return std::make_unique<Buffer>(mem);
  }

  std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t bytes) override {
    const cl_buffer_region region = {offset, std::max<size_t>(bytes, 1)};
    cl_int result = CL_SUCCESS;
    cl_mem mem = OpenCl().CreateSubBuffer(static_cast<Buffer&>(whole).mem, CL_MEM_READ_WRITE,
                                          CL_BUFFER_CREATE_TYPE_REGION, &region, &result);
    CheckCl(result, "take a part of a buffer");
    return std::make_unique<Buffer>(mem);
  }

  std::unique_ptr<DeviceModule> Load(std::string_view code) override {
    const char* text = code.data();
    const size_t bytes = code.size();
    cl_int result = CL_SUCCESS;
    cl_program program = OpenCl().CreateProgramWithSource(context_, 1, &text, &bytes, &result);
    CheckCl(result, "take a program");
    auto module = std::make_unique<Module>(program);
    if (OpenCl().BuildProgram(program, 1, &device_, "-cl-std=CL1.2", nullptr, nullptr) !=
        CL_SUCCESS) {
      throw BadPackage(info_.name + " does not build the kernels: " + BuildLog(program));
    }
    return module;
  }

  void Upload(DeviceBuffer& to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    CheckCl(OpenCl().EnqueueWriteBuffer(queue_, static_cast<Buffer&>(to).mem, CL_TRUE, 0, bytes,
                                        from, 0, nullptr, nullptr),
            "write a buffer");
  }

  void Download(void* to, DeviceBuffer& from, size_t bytes) override {
    if (bytes == 0) return;
    CheckCl(OpenCl().EnqueueReadBuffer(queue_, static_cast<Buffer&>(from).mem, CL_TRUE, 0, bytes,
                                       to, 0, nullptr, nullptr),
            "read a buffer");
  }

  void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
              const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) override {
    cl_kernel function = static_cast<Kernel&>(kernel).kernel;
    for (size_t i = 0; i < args.size(); ++i) {
      CheckCl(OpenCl().SetKernelArg(function, static_cast<cl_uint>(i), sizeof(cl_mem),
                                    &static_cast<Buffer*>(args[i])->mem),
              "set an argument");
    }
    std::array<size_t, 3> global = {}, local = {};
    for (size_t d = 0; d < 3; ++d) {
      local[d] = static_cast<size_t>(block[d]);
      global[d] = static_cast<size_t>(grid[d]) * local[d];
    }
    CheckCl(OpenCl().EnqueueNDRangeKernel(queue_, function, 3, nullptr, global.data(), local.data(),
                                          0, nullptr, nullptr),
            "start a kernel");
  }

  void Synchronize() override { CheckCl(OpenCl().Finish(queue_), "finish"); }

 private:
  std::string BuildLog(cl_program program) {
    std::string log(kMaxLogBytes, '\0');
    size_t bytes = 0;
    const cl_int result =
        OpenCl().GetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_LOG, 0, nullptr, &bytes);
    if (result != CL_SUCCESS || bytes == 0) return "it does not say why";
    log.resize(bytes);
    OpenCl().GetProgramBuildInfo(program, device_, CL_PROGRAM_BUILD_LOG, bytes, log.data(),
                                 nullptr);
    log.resize(std::min(log.find('\0'), kMaxLogBytes));
    return log;
  }

  cl_device_id device_;
  DeviceInfo info_;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
};

}  // namespace

DeviceSurvey SurveyOpenCl() {
  DeviceSurvey survey;
  for (cl_device_id device : AllDevices()) survey.devices.push_back(Describe(device));
  if (survey.devices.empty()) survey.missing = "no OpenCL platform has a device";
  return survey;
}

std::unique_ptr<Device> OpenOpenCl(size_t index) {
  const std::vector<cl_device_id> devices = AllDevices();
  if (index < devices.size()) return std::make_unique<OpenClDevice>(devices[index]);
  throw Error(TW_UNAVAILABLE, "no device opencl:" + std::to_string(index) + "; found " +
                                  std::to_string(devices.size()));
}

}  // namespace tilewright::runtime
