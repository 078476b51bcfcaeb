// NVIDIA GPUs: CUDA C++ compiled by NVRTC, run by the CUDA driver. Modules are cubins.
#include <stdlib.h>

#include "runtime/device/cuda_device.h"
#include "runtime/device/device_kind.h"
#include "runtime/device/gpu_models.h"
#include "runtime/device/nvrtc.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

// The oldest architecture that NVRTC 13 compiles for, where nothing says which one is meant: its
// machine code runs on no later generation (CUDA C++ Programming Guide, "Binary Compatibility").
constexpr char kOldest[] = "sm_75";

// For NVRTC, without any header. A block a multiprocessor is enough: unless that is said, ptxas
// spills a few registers of large blocks to make room for another block.
constexpr char kPrelude[] = R"(
typedef float tw_f32; typedef double tw_f64; typedef long long tw_i64; typedef int tw_i32;
typedef short tw_i16; typedef signed char tw_i8; typedef unsigned long long tw_u64;
typedef unsigned int tw_u32; typedef unsigned short tw_u16; typedef unsigned char tw_u8;
typedef unsigned char tw_bool; typedef unsigned short tw_f16; typedef unsigned short tw_bf16;
#define TW_GLOBAL
#define TW_LOCAL
#define TW_INPUT(S, name) const tw_##S* __restrict__ name
#define TW_OUTPUT(S, name) tw_##S* __restrict__ name
#define TW_SCRATCH(S, name) tw_##S* name
#define TW_SHARED_ARRAY(S, name, n) __shared__ __align__(16) tw_##S name[n]
#define TW_ALIGNED_ARRAY(S, name, n) __align__(16) tw_##S name[n]
#define TW_ARRAY(S, name, n) tw_##S name[n]
#define TW_AS(bytes, space, place) (*(space tw_v##bytes*)(place))
#define TW_KERNEL(x, y, z) extern "C" __global__ void __launch_bounds__((x) * (y) * (z), 1)
#define TW_FN static __device__ __forceinline__
#define TW_UNROLL _Pragma("unroll")
#define TW_PRAGMA(text) _Pragma(#text)
#define TW_UNROLL_BY(n) TW_PRAGMA(unroll n)
#define TW_BARRIER __syncthreads()
#define TW_FENCE __threadfence()
#define TW_BLOCK_X ((int)blockIdx.x)
#define TW_BLOCK_Y ((int)blockIdx.y)
#define TW_BLOCK_Z ((int)blockIdx.z)
#define TW_THREAD_X ((int)threadIdx.x)
#define TW_THREAD_Y ((int)threadIdx.y)
#define TW_THREAD_Z ((int)threadIdx.z)
#define TW_I64(x) x##LL
#define TW_U64(x) x##ULL
#define TW_BITS(x) __float_as_uint(x)
#define TW_FROM_BITS(x) __uint_as_float(x)
#define TW_INF_f32 __int_as_float(0x7f800000)
#define TW_NAN_f32 __int_as_float(0x7fc00000)
#define TW_INF_f64 __longlong_as_double(0x7ff0000000000000LL)
#define TW_NAN_f64 __longlong_as_double(0x7ff8000000000000LL)
#define TW_M32(name) name##f
#define TW_PRODUCT_f32(a, b) __fmul_rn(a, b)
#define TW_PRODUCT_f64(a, b) __dmul_rn(a, b)
typedef unsigned short tw_v2; typedef unsigned int tw_v4; typedef uint2 tw_v8;
typedef uint4 tw_v16;
#define TW_ZERO_8 make_uint2(0, 0)
#define TW_ZERO_16 make_uint4(0, 0, 0, 0)
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define TW_ASYNC(bytes, cache) \
  TW_FN void tw_async_##bytes(void* to, const void* from, bool there) { \
    const tw_u32 at = (tw_u32)__cvta_generic_to_shared(to), taken = there ? bytes : 0; \
    asm volatile("cp.async." #cache ".shared.global [%0], [%1], " #bytes ", %2;" \
                 : : "r"(at), "l"(__cvta_generic_to_global(from)), "r"(taken) : "memory"); \
  }
TW_ASYNC(4, ca) TW_ASYNC(8, ca) TW_ASYNC(16, cg)
#define TW_ASYNC_COPY(bytes, to_space, to, from_space, from, there) \
  tw_async_##bytes(to, from, there)
#define TW_ASYNC_COMMIT asm volatile("cp.async.commit_group;" : : : "memory")
#define TW_ASYNC_WAIT(n) asm volatile("cp.async.wait_group " #n ";" : : : "memory")
#endif
TW_FN int tw_is_last(tw_i32* counter, int blocks) {
  return atomicInc((tw_u32*)counter, blocks - 1) == blocks - 1;
}
TW_FN void tw_add_f32(tw_f32* element, tw_f32 value) { atomicAdd(element, value); }
TW_FN void tw_add_i32(tw_i32* element, tw_i32 value) { atomicAdd(element, value); }
TW_FN float tw_load_f16(tw_f16 x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
  return y;
}
TW_FN tw_f16 tw_store_f16(float x) {
  tw_f16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
  return y;
}
)";

// Tensor maps and descriptors swizzle by the address, whose pattern repeats every 1024 bytes.
constexpr char kPipelines[] = R"(
struct __align__(64) tw_map { tw_u64 words[16]; };
#define TW_NEEDS __constant__
#define TW_MAP(name) const __grid_constant__ tw_map name
#define TW_PLACE(S) tw_##S*
#define TW_SHARED_ADDRESS(place) ((tw_u32)__cvta_generic_to_shared(place))
#define TW_OF_WARP(x) __shfl_sync(0xffffffffu, x, 0)
#define TW_DYNAMIC extern __shared__ __align__(1024) char tw_dynamic[]
#define TW_DYNAMIC_ARRAY(S, name, n, at) tw_##S* const name = (tw_##S*)(tw_dynamic + (at))
TW_FN void tw_barrier_init(tw_u64* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(arrivals) : "memory");
}
TW_FN void tw_barrier_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
  asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
}
TW_FN void tw_barrier_arrive(tw_u64* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];"
               : : "r"(TW_SHARED_ADDRESS(barrier)) : "memory");
}
TW_FN void tw_barrier_expect(tw_u64* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(bytes) : "memory");
}
TW_FN void tw_barrier_wait(tw_u64* barrier, int parity) {
  asm volatile("{\n"
               ".reg .pred done;\n"
               "AGAIN:\n"
               "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
               "@done bra GO_ON;\n"
               "bra AGAIN;\n"
               "GO_ON:\n"
               "}"
               : : "r"(TW_SHARED_ADDRESS(barrier)), "r"(parity) : "memory");
}
TW_FN void tw_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" : : : "memory"); }
TW_FN void tw_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory"); }
#define TW_WGMMA_WAIT(n) asm volatile("wgmma.wait_group.sync.aligned " #n ";" : : : "memory")
)";

std::string Found() {
  const DeviceSurvey survey = SurveyDevices("cuda");
  std::string text;
  for (const DeviceInfo& device : survey.devices) {
    text += device.name + " (" + device.arch + ", driver " + device.driver + "); ";
  }
  if (survey.devices.empty()) text = survey.missing + "; ";
  try {
    text += "NVRTC " + NvrtcVersion() + " compiles for";
    for (const std::string& arch : NvrtcArchitectures()) text += " " + arch;
    return text;
  } catch (const Error& error) {
    return text + error.what();
  }
}

bool IsArchitecture(std::string_view arch) {
  if (!arch.starts_with("sm_")) return false;
  const std::string_view digits = arch.substr(3, arch.size() - 3 - arch.ends_with('a'));
  return digits.size() >= 2 && digits.size() <= 3 &&
         digits.find_first_not_of("0123456789") == digits.npos;
}

// The model's, else that of this machine's first device.
std::string ArchitectureFor(std::string_view model) {
  const std::string_view known = ArchitectureOfModel(model);
  if (!known.empty()) return std::string(known);
  const DeviceSurvey survey = SurveyDevices("cuda");
  return survey.devices.empty() ? kOldest : survey.devices[0].arch;
}

std::string Resolve(std::string_view arch, std::string_view model) {
  const bool said = !arch.empty() && arch != "native";
  const std::string resolved = said ? std::string(arch) : ArchitectureFor(model);
  if (IsArchitecture(resolved)) return resolved;
  throw Error(TW_INVALID_ARGUMENT,
              "unknown CUDA architecture \"" + resolved + "\"; write -arch=sm_90");
}

CompiledCode Compile(const std::string& text, const std::string& arch) {
  CudaCode code = CompileCuda(text, arch);
  return {std::move(code.cubin), std::move(code.ptx), std::move(code.log)};
}

void KeepFilesIn(const char* folder) { setenv("CUDA_CACHE_PATH", folder, 1); }

}  // namespace

const DeviceDriver& cuda_driver() {
  static const DeviceDriver driver = {.name = "cuda",
                                      .code_file = "mod.cubin",
                                      .survey = SurveyCuda,
                                      .open = OpenCuda,
                                      .keep_files_in = KeepFilesIn};
  return driver;
}

const DeviceKind& cuda() {
  static const DeviceKind kind = {.driver = &cuda_driver(),
                                  .summary = "NVIDIA GPUs from sm_75: cuda -arch=sm_90",
                                  .found = Found,
                                  .resolve = Resolve,
                                  .traits = TraitsOfModel,
                                  .architecture = ArchitectureNumberOf,
                                  .tiles = TileForm::kPtx,
                                  .prelude = kPrelude,
                                  .pipeline_prelude = kPipelines,
                                  .compile = Compile};
  return kind;
}

}  // namespace tilewright::runtime
