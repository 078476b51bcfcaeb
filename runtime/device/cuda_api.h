// The functions of CUDA's driver that we call, from libcuda.so.1 when it is there. Declared here,
// so that no toolkit is needed to build (CUDA driver API, ABI-stable since 3.2 and 4.0).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tilewright::runtime {

using CuResult = int;  // 0: success
using CuDevice = int;
using CuPointer = uint64_t;
struct CuContextTag;
struct CuModuleTag;
struct CuFunctionTag;
struct CuStreamTag;
struct CuGraphTag;
struct CuGraphExecTag;
using CuContext = CuContextTag*;
using CuModule = CuModuleTag*;
using CuFunction = CuFunctionTag*;
using CuStream = CuStreamTag*;
using CuGraph = CuGraphTag*;
using CuGraphExec = CuGraphExecTag*;

// CUdevice_attribute values.
enum CuAttribute {
  kCuMaxThreads = 1,
  kCuMaxBlockX = 2,
  kCuMaxSharedBytes = 8,
  kCuClockKhz = 13,
  kCuMultiprocessors = 16,
  kCuCacheBytes = 38,
  kCuMajor = 75,
  kCuMinor = 76,
};

// CUfunction_attribute: the most shared memory that a launch gives.
inline constexpr int kCuMaxDynamicSharedBytes = 8;

// CUstreamCaptureMode: what else the thread calls while it records is not forbidden.
inline constexpr int kCuCaptureRelaxed = 2;

// Of tensor maps: CUtensorMapDataType, ...Interleave, ...Swizzle, ...L2promotion and
// ...FloatOOBfill.
inline constexpr int kCuBytes = 0, kCuHalfWords = 1, kCuNoInterleave = 0, kCuSwizzle128 = 3;
inline constexpr int kCuPromote256 = 3, kCuZeros = 0;

struct CudaApi {
  CuResult (*Init)(unsigned flags);
  CuResult (*DriverGetVersion)(int* version);
  CuResult (*DeviceGetCount)(int* count);
  CuResult (*DeviceGet)(CuDevice* device, int ordinal);
  CuResult (*DeviceGetName)(char* name, int bytes, CuDevice device);
  CuResult (*DeviceGetAttribute)(int* value, int attribute, CuDevice device);
  // Null where the driver is older than CUDA 11.4.
  CuResult (*DeviceGetUuid)(unsigned char (*uuid)[16], CuDevice device);
  CuResult (*DeviceTotalMem)(size_t* bytes, CuDevice device);
  CuResult (*DevicePrimaryCtxRetain)(CuContext* context, CuDevice device);
  CuResult (*DevicePrimaryCtxRelease)(CuDevice device);
  CuResult (*CtxSetCurrent)(CuContext context);
  CuResult (*CtxSynchronize)();
  CuResult (*MemAlloc)(CuPointer* pointer, size_t bytes);
  CuResult (*MemFree)(CuPointer pointer);
  CuResult (*MemcpyHtoD)(CuPointer to, const void* from, size_t bytes);
  CuResult (*MemcpyDtoH)(void* to, CuPointer from, size_t bytes);
  CuResult (*ModuleLoadData)(CuModule* module, const void* image);
  CuResult (*ModuleUnload)(CuModule module);
  CuResult (*ModuleGetFunction)(CuFunction* function, CuModule module, const char* name);
  CuResult (*LaunchKernel)(CuFunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                           unsigned block_x, unsigned block_y, unsigned block_z,
                           unsigned shared_bytes, CuStream stream, void** args, void** extra);
  CuResult (*StreamCreate)(CuStream* stream, unsigned flags);
  CuResult (*StreamDestroy)(CuStream stream);
  CuResult (*StreamBeginCapture)(CuStream stream, int mode);
  CuResult (*StreamEndCapture)(CuStream stream, CuGraph* graph);
  CuResult (*GraphInstantiate)(CuGraphExec* exec, CuGraph graph, unsigned long long flags);
  CuResult (*GraphUpload)(CuGraphExec exec, CuStream stream);
  CuResult (*GraphLaunch)(CuGraphExec exec, CuStream stream);
  CuResult (*GraphExecDestroy)(CuGraphExec exec);
  CuResult (*GraphDestroy)(CuGraph graph);
  // Null where the driver is older than CUDA 12: it has no tensor maps.
  CuResult (*TensorMapEncodeTiled)(void* map, int type, unsigned rank, void* address,
                                   const uint64_t* extents, const uint64_t* strides,
                                   const uint32_t* box, const uint32_t* element_strides,
                                   int interleave, int swizzle, int promotion, int fill);
  CuResult (*ModuleGetGlobal)(CuPointer* pointer, size_t* bytes, CuModule module, const char* name);
  CuResult (*FuncSetAttribute)(CuFunction function, int attribute, int value);
  CuResult (*GetErrorString)(CuResult result, const char** text);
};

// Loaded and initialised once. Throws Error UNAVAILABLE: no driver, the toolkit's stub in the
// driver's place, a driver without the functions, no device. Thread-safe.
const CudaApi& Cuda();

// Throws for another result than success: UNAVAILABLE when the device is lost or the context is
// unusable after a fault, INTERNAL otherwise; says what was tried, the code and the driver's text.
void CheckCuda(CuResult result, const char* what);

}  // namespace tilewright::runtime
