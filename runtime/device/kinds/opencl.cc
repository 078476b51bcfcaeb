// OpenCL C 1.2: modules are source text that the device's driver compiles when they are loaded.
#include <stdlib.h>

#include "runtime/device/device_kind.h"
#include "runtime/device/opencl_device.h"

namespace tilewright::runtime {
namespace {

// OpenCL 1.2 has atomic operations on integers alone: a float's sum replaces its bits where they
// are still those that were read.
constexpr char kPrelude[] = R"(
#pragma OPENCL FP_CONTRACT ON
typedef float tw_f32; typedef long tw_i64; typedef int tw_i32; typedef short tw_i16;
typedef char tw_i8; typedef ulong tw_u64; typedef uint tw_u32; typedef ushort tw_u16;
typedef uchar tw_u8; typedef uchar tw_bool; typedef ushort tw_f16; typedef ushort tw_bf16;
#define TW_GLOBAL __global
#define TW_LOCAL __local
#define TW_INPUT(S, name) __global const tw_##S* restrict name
#define TW_OUTPUT(S, name) __global tw_##S* restrict name
#define TW_SCRATCH(S, name) volatile __global tw_##S* name
#define TW_SHARED_ARRAY(S, name, n) __local tw_##S name[n] __attribute__((aligned(16)))
#define TW_ALIGNED_ARRAY(S, name, n) tw_##S name[n] __attribute__((aligned(16)))
#define TW_ARRAY(S, name, n) tw_##S name[n]
#define TW_AS(bytes, space, place) (*(space tw_v##bytes*)(place))
#define TW_KERNEL(x, y, z) __kernel __attribute__((reqd_work_group_size(x, y, z))) void
#define TW_FN static inline
#define TW_UNROLL _Pragma("unroll")
#define TW_BARRIER barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define TW_FENCE mem_fence(CLK_GLOBAL_MEM_FENCE)
#define TW_BLOCK_X ((int)get_group_id(0))
#define TW_BLOCK_Y ((int)get_group_id(1))
#define TW_BLOCK_Z ((int)get_group_id(2))
#define TW_THREAD_X ((int)get_local_id(0))
#define TW_THREAD_Y ((int)get_local_id(1))
#define TW_THREAD_Z ((int)get_local_id(2))
#define TW_I64(x) x##L
#define TW_U64(x) x##UL
#define TW_BITS(x) as_uint(x)
#define TW_FROM_BITS(x) as_float(x)
#define TW_INF_f32 INFINITY
#define TW_NAN_f32 NAN
#define TW_INF_f64 ((double)INFINITY)
#define TW_NAN_f64 ((double)NAN)
#define TW_M32(f) f
typedef ushort tw_v2; typedef uint tw_v4; typedef uint2 tw_v8; typedef uint4 tw_v16;
#define TW_ZERO_8 ((uint2)(0))
#define TW_ZERO_16 ((uint4)(0))
TW_FN int tw_is_last(volatile __global tw_i32* counter, int blocks) {
  const int last = atomic_inc(counter) == blocks - 1;
  if (last) atomic_xchg(counter, 0);
  return last;
}
TW_FN void tw_add_i32(volatile __global tw_i32* element, tw_i32 value) {
  atomic_add(element, value);
}
TW_FN void tw_add_f32(volatile __global tw_f32* element, tw_f32 value) {
  volatile __global tw_u32* bits = (volatile __global tw_u32*)element;
  for (tw_u32 old = *bits, found;; old = found) {
    found = atomic_cmpxchg(bits, old, as_uint(as_float(old) + value));
    if (found == old) return;
  }
}
TW_FN float tw_load_f16(tw_f16 x) { return vload_half(0, (const __private half*)&x); }
TW_FN tw_f16 tw_store_f16(float x) {
  tw_f16 y;
  vstore_half_rte(x, 0, (__private half*)&y);
  return y;
}
)";

// Some devices have no float64.
constexpr char kDoublePrelude[] = R"(
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double tw_f64;
)";

std::string Found() {
  const DeviceSurvey survey = SurveyDevices("opencl");
  std::string text;
  for (const DeviceInfo& device : survey.devices) {
    text += (text.empty() ? "" : "; ") + device.name + " (" + device.driver + ", " +
            std::to_string(device.compute_units) + " units, " +
            std::to_string(device.shared_bytes >> 10) + " KiB local memory)";
  }
  return survey.devices.empty() ? survey.missing + "; compiles for other machines" : text;
}

std::string Resolve(std::string_view arch, std::string_view) { return std::string(arch); }

// What AutoTVM assumes of OpenCL devices, and the least local memory of the full profile.
GpuTraits Traits(std::string_view, std::string_view) {
  return {.limits = {.threads = 256, .block = {256, 256, 64}, .shared_bytes = 32 << 10}};
}

CompiledCode Compile(const std::string& text, const std::string&) {
  return {.code = text, .listing = text, .log = ""};
}

// PoCL, which finds there what was compiled ahead.
void KeepFilesIn(const char* folder) {
  setenv("POCL_CACHE_DIR", folder, 1);
  setenv("POCL_KERNEL_CACHE", "1", 1);
}

}  // namespace

const DeviceDriver& opencl_driver() {
  static const DeviceDriver driver = {.name = "opencl",
                                      .code_file = "mod.cl",
                                      .survey = SurveyOpenCl,
                                      .open = OpenOpenCl,
                                      .keep_files_in = KeepFilesIn};
  return driver;
}

const DeviceKind& opencl() {
  static const DeviceKind kind = {.driver = &opencl_driver(),
                                  .summary = "any OpenCL 1.2 device: GPUs, and CPUs through PoCL",
                                  .found = Found,
                                  .resolve = Resolve,
                                  .traits = Traits,
                                  .prelude = kPrelude,
                                  .double_prelude = kDoublePrelude,
                                  .compile = Compile};
  return kind;
}

}  // namespace tilewright::runtime
