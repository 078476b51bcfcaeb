#include "runtime/device/opencl_api.h"

#include "runtime/device/library.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

OpenClApi LoadOpenCl() {
  const Library library({"libOpenCL.so.1"},
                        "OpenCL loader (libOpenCL.so.1; Debian: ocl-icd-libopencl1)");
  OpenClApi api;
#define BIND(name) library.Bind(api.name, "cl" #name)
  BIND(GetPlatformIDs);
  BIND(GetPlatformInfo);
  BIND(GetDeviceIDs);
  BIND(GetDeviceInfo);
  BIND(CreateContext);
  BIND(ReleaseContext);
  BIND(CreateCommandQueue);
  BIND(ReleaseCommandQueue);
  BIND(CreateBuffer);
  BIND(CreateSubBuffer);
  BIND(ReleaseMemObject);
  BIND(CreateProgramWithSource);
  BIND(BuildProgram);
  BIND(GetProgramBuildInfo);
  BIND(ReleaseProgram);
  BIND(CreateKernel);
  BIND(SetKernelArg);
  BIND(ReleaseKernel);
  BIND(EnqueueNDRangeKernel);
  BIND(EnqueueWriteBuffer);
  BIND(EnqueueReadBuffer);
  BIND(Finish);
#undef BIND
  return api;
}

}  // namespace

const OpenClApi& OpenCl() {
  static const OpenClApi api = LoadOpenCl();
  return api;
}

void CheckCl(cl_int result, const char* what) {
  if (result == CL_SUCCESS) return;
  const bool gone = result == CL_DEVICE_NOT_AVAILABLE || result == CL_DEVICE_NOT_FOUND;
  throw Error(gone ? TW_UNAVAILABLE : TW_INTERNAL,
              std::string("OpenCL cannot ") + what + ": error " + std::to_string(result));
}

}  // namespace tilewright::runtime
