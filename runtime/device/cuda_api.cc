#include "runtime/device/cuda_api.h"

#include <algorithm>
#include <array>
#include <string>

#include "runtime/device/library.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr CuResult kStubLibrary = 34, kNoDevice = 100;
// After these the process gets nothing more from the device: cuda.h says of each that the process
// must be relaunched, that the context cannot be used, or that the device is unavailable.
constexpr std::array<CuResult, 16> kSticky = {46,  214, 220, 226, 700, 702, 709, 710,
                                              714, 715, 716, 717, 718, 719, 721, 911};

// "error 700 (an illegal memory access was encountered)".
std::string TextOf(const CudaApi& api, CuResult result) {
  const char* text = nullptr;
  api.GetErrorString(result, &text);
  return "error " + std::to_string(result) +
         (text != nullptr ? std::string(" (") + text + ")" : "");
}

CudaApi BindCuda() {
  const Library library({"libcuda.so.1"}, "CUDA driver (libcuda.so.1)");
  CudaApi api;
  library.Bind(api.Init, "cuInit");
  library.Bind(api.DriverGetVersion, "cuDriverGetVersion");
  library.Bind(api.DeviceGetCount, "cuDeviceGetCount");
  library.Bind(api.DeviceGet, "cuDeviceGet");
  library.Bind(api.DeviceGetName, "cuDeviceGetName");
  library.Bind(api.DeviceGetAttribute, "cuDeviceGetAttribute");
  library.BindIfThere(api.DeviceGetUuid, "cuDeviceGetUuid_v2");
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
  library.Bind(api.StreamCreate, "cuStreamCreate");
  library.Bind(api.StreamDestroy, "cuStreamDestroy_v2");
  library.Bind(api.StreamBeginCapture, "cuStreamBeginCapture_v2");
  library.Bind(api.StreamEndCapture, "cuStreamEndCapture");
  library.Bind(api.GraphInstantiate, "cuGraphInstantiateWithFlags");
  library.Bind(api.GraphUpload, "cuGraphUpload");
  library.Bind(api.GraphLaunch, "cuGraphLaunch");
  library.Bind(api.GraphExecDestroy, "cuGraphExecDestroy");
  library.Bind(api.GraphDestroy, "cuGraphDestroy");
  library.Bind(api.ModuleGetGlobal, "cuModuleGetGlobal_v2");
  library.Bind(api.FuncSetAttribute, "cuFuncSetAttribute");
  library.BindIfThere(api.TensorMapEncodeTiled, "cuTensorMapEncodeTiled");
  library.Bind(api.GetErrorString, "cuGetErrorString");
  return api;
}

CudaApi LoadCuda() {
  const CudaApi api = BindCuda();
  const CuResult result = api.Init(0);
  if (result == kStubLibrary) {
    throw Error(TW_UNAVAILABLE,
                "no CUDA driver: libcuda.so.1 is the toolkit's stub (error 34); install the "
                "driver or take the stub out of the library path");
  }
  if (result == kNoDevice) throw Error(TW_UNAVAILABLE, "the CUDA driver finds no device");
  if (result != 0) {
    throw Error(TW_UNAVAILABLE, "the CUDA driver does not start: " + TextOf(api, result) +
                                    "; it needs /dev/nvidiactl, /dev/nvidia-uvm and a kernel "
                                    "module of its version");
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
  const bool lost = std::find(kSticky.begin(), kSticky.end(), result) != kSticky.end();
  throw Error(lost ? TW_UNAVAILABLE : TW_INTERNAL,
              std::string("CUDA cannot ") + what + ": " + TextOf(Cuda(), result));
}

}  // namespace tilewright::runtime
