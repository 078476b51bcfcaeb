#include "runtime/device/cuda_api.h"

#include <algorithm>
#include <array>
#include <string>

#include "runtime/device/library.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr CuResult kStubLibrary = 34, kNoDevice = 100;
// After these every further call of the process fails (cuda.h says so of each).
constexpr std::array<CuResult, 8> kSticky = {46, 214, 700, 714, 715, 716, 718, 719};

CudaApi LoadCuda() {
  const Library library({"libcuda.so.1"}, "CUDA driver (libcuda.so.1)");
  CudaApi api;
  library.Bind(api.Init, "cuInit");
  library.Bind(api.DriverGetVersion, "cuDriverGetVersion");
  library.Bind(api.DeviceGetCount, "cuDeviceGetCount");
  library.Bind(api.DeviceGet, "cuDeviceGet");
  library.Bind(api.DeviceGetName, "cuDeviceGetName");
  library.Bind(api.DeviceGetAttribute, "cuDeviceGetAttribute");
  library.Bind(api.DeviceTotalMem, "cuDeviceTotalMem_v2");
  library.Bind(api.DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
  library.Bind(api.DevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2");
  library.Bind(api.CtxSetCurrent, "cuCtxSetCurrent");
  library.Bind(api.CtxSynchronize, "cuCtxSynchronize");
  library.Bind(api.MemAlloc, "cuMemAlloc_v2");
  library.Bind(api.MemFree, "cuMemFree_v2");
  library.Bind(api.MemcpyHtoD, "cuMemcpyHtoD_v2");
  library.Bind(api.MemcpyDtoH, "cuMemcpyDtoH_v2");
  library.Bind(api.ModuleLoadData, "cuModuleLoadData");
  library.Bind(api.ModuleUnload, "cuModuleUnload");
  library.Bind(api.ModuleGetFunction, "cuModuleGetFunction");
  library.Bind(api.LaunchKernel, "cuLaunchKernel");
  library.Bind(api.ModuleGetGlobal, "cuModuleGetGlobal_v2");
  library.Bind(api.FuncSetAttribute, "cuFuncSetAttribute");
  library.BindIfThere(api.TensorMapEncodeTiled, "cuTensorMapEncodeTiled");
  library.Bind(api.GetErrorString, "cuGetErrorString");
  const CuResult result = api.Init(0);
  if (result == kStubLibrary) {
    throw Error(TW_UNAVAILABLE,
                "no CUDA driver: libcuda.so.1 is the toolkit's stub (error 34); install the "
                "driver or take the stub out of the library path");
  }
  if (result == kNoDevice) throw Error(TW_UNAVAILABLE, "the CUDA driver finds no device");
  if (result != 0) {
    throw Error(TW_UNAVAILABLE, "the CUDA driver does not start: error " + std::to_string(result));
  }
  return api;
}

}  // namespace

const CudaApi& Cuda() {
  static const CudaApi api = LoadCuda();
  return api;
}

void CheckCuda(CuResult result, const char* what) {
  if (result == 0) return;
  const char* text = nullptr;
  Cuda().GetErrorString(result, &text);
  const bool lost = std::find(kSticky.begin(), kSticky.end(), result) != kSticky.end();
  throw Error(lost ? TW_UNAVAILABLE : TW_INTERNAL,
              std::string("CUDA cannot ") + what + ": error " + std::to_string(result) +
                  (text != nullptr ? std::string(" (") + text + ")" : ""));
}

}  // namespace tilewright::runtime
