// libcuda.so.1 of tests: one device whose memory is this process's. Calls fail as $FAKE_CUDA says:
// "cuInit=34", "cuMemAlloc_v2=2,cuCtxSynchronize=hang" (the call never returns). A module is a text
// that begins with "fake"; its one kernel "twice" doubles the first argument into the second. That
// of a module "fake maps" says that it needs 65536 bytes and a map of its first operand, without
// which the launch fails. As the driver's, a thread's calls need a context that it made current,
// and what is launched while a stream is recorded is kept in the graph and not run.
// $FAKE_CUDA_UUID names the device, which has no name without; the file $FAKE_CUDA_INPUTS gets a
// line with the address of the input of each run of the kernel.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace {

constexpr int kNoBinary = 209, kNotFound = 500, kInvalidValue = 1, kNoContext = 201;
constexpr int kNoCapture = 900, kUnmatched = 903;

using Graph = std::vector<std::function<void()>>;

void* with_maps = nullptr;
int most_shared_bytes = 0;
thread_local bool has_context = false;
Graph* recorded = nullptr;  // while the stream is
int stream = 0;

int Planned(const std::string& call) {
  const char* const text = std::getenv("FAKE_CUDA");
  const std::string plan = std::string(",") + (text != nullptr ? text : "");
  const size_t at = plan.find("," + call + "=");
  if (at == plan.npos) return 0;
  const std::string value = plan.substr(at + call.size() + 2);
  while (value.starts_with("hang")) pause();
  return std::atoi(value.c_str());
}

void Twice(const float* in, float* out, unsigned count) {
  const char* const log = std::getenv("FAKE_CUDA_INPUTS");
  if (log != nullptr) std::ofstream(log, std::ios::app) << in << "\n";
  for (unsigned i = 0; i < count; ++i) out[i] = 2 * in[i];
}

}  // namespace

#define CALL(name)                                       \
  if (const int planned = Planned(name); planned != 0) { \
    return planned;                                      \
  }
#define CALL_OF_CONTEXT(name)          \
  if (!has_context) return kNoContext; \
  CALL(name)

extern "C" {

int cuInit(unsigned) {
  CALL("cuInit");
  return 0;
}
int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
int cuDeviceGetCount(int* count) {
  CALL("cuDeviceGetCount");
  *count = 1;
  return 0;
}
int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return 0;
}
int cuDeviceGetName(char* name, int bytes, int) {
  std::strncpy(name, "Fake GPU", static_cast<size_t>(bytes));
  return 0;
}
// cuda_api.h names the attributes.
int cuDeviceGetAttribute(int* value, int attribute, int) {
  switch (attribute) {
    case 4: *value = 64; return 0;
    case 8: *value = 48 << 10; return 0;
    case 13: *value = 1'500'000; return 0;
    case 16: *value = 80; return 0;
    case 38: *value = 10 << 10; return 0;
    case 75: *value = 9; return 0;
    case 76: *value = 0; return 0;
    default: *value = 1024; return 0;
  }
}
int cuDeviceGetUuid_v2(char* uuid, int) {
  const char* const name = std::getenv("FAKE_CUDA_UUID");
  if (name == nullptr) return kNotFound;
  std::strncpy(uuid, name, 16);
  return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = size_t{1} << 30;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  CALL("cuDevicePrimaryCtxRetain");
  *context = context;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(void* context) {
  has_context = context != nullptr;
  return 0;
}
int cuCtxSynchronize() {
  CALL_OF_CONTEXT("cuCtxSynchronize");
  return 0;
}
int cuMemAlloc_v2(uint64_t* pointer, size_t bytes) {
  CALL_OF_CONTEXT("cuMemAlloc_v2");
  *pointer = reinterpret_cast<uint64_t>(std::malloc(bytes));
  return 0;
}
int cuMemFree_v2(uint64_t pointer) {
  if (!has_context) return kNoContext;
  std::free(reinterpret_cast<void*>(pointer));
  return 0;
}
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  CALL_OF_CONTEXT("cuMemcpyHtoD_v2");
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  CALL_OF_CONTEXT("cuMemcpyDtoH_v2");
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
int cuModuleLoadData(void** module, const void* image) {
  CALL_OF_CONTEXT("cuModuleLoadData");
  if (std::strncmp(static_cast<const char*>(image), "fake", 4) != 0) return kNoBinary;
  *module = std::strcmp(static_cast<const char*>(image), "fake maps") == 0 ? &with_maps : module;
  return 0;
}
int cuModuleGetGlobal_v2(uint64_t* at, size_t* bytes, void* module, const char* name) {
  static const int64_t needs[] = {9, 65536, 1, 0, 2, 2, 40, 64, 8, 64};
  if (module != &with_maps || std::strcmp(name, "tw_needs_twice") != 0) return kNotFound;
  *at = reinterpret_cast<uint64_t>(needs);
  *bytes = sizeof(needs);
  return 0;
}
int cuFuncSetAttribute(void*, int attribute, int value) {
  CALL_OF_CONTEXT("cuFuncSetAttribute");
  if (attribute == 8) most_shared_bytes = value;
  return 0;
}
// The address, what it was asked of the tensor, the driver's own fields.
int cuTensorMapEncodeTiled(void* map, int type, unsigned rank, void* address,
                           const uint64_t* extents, const uint64_t* strides, const uint32_t* box,
                           const uint32_t* element_strides, int interleave, int swizzle, int,
                           int fill) {
  CALL("cuTensorMapEncodeTiled");
  const bool asked = type == 1 && rank == 2 && extents[0] == 64 && extents[1] == 40 &&
                     strides[0] == 128 && box[0] == 64 && box[1] == 8 && element_strides[0] == 1 &&
                     interleave == 0 && swizzle == 3 && fill == 0;
  if (!asked || reinterpret_cast<uintptr_t>(map) % 64 != 0) return kInvalidValue;
  std::memcpy(map, &address, sizeof(address));
  return 0;
}
int cuModuleUnload(void*) { return 0; }
int cuModuleGetFunction(void** function, void*, const char* name) {
  CALL_OF_CONTEXT("cuModuleGetFunction");
  if (std::strcmp(name, "twice") != 0) return kNotFound;
  *function = function;
  return 0;
}
int cuLaunchKernel(void*, unsigned grid_x, unsigned, unsigned, unsigned block_x, unsigned, unsigned,
                   unsigned shared_bytes, void* on, void** args, void**) {
  CALL_OF_CONTEXT("cuLaunchKernel");
  if (static_cast<int>(shared_bytes) > most_shared_bytes) return kInvalidValue;
  if (shared_bytes > 0 && *static_cast<uint64_t*>(args[2]) != *static_cast<uint64_t*>(args[0])) {
    return kInvalidValue;
  }
  const auto at = [args](int i) {
    return reinterpret_cast<float*>(*static_cast<uint64_t*>(args[i]));
  };
  const auto run = [in = at(0), out = at(1), count = grid_x * block_x] { Twice(in, out, count); };
  if (recorded != nullptr && on == &stream) {
    recorded->push_back(run);
  } else {
    run();
  }
  return 0;
}
int cuStreamCreate(void** created, unsigned) {
  CALL_OF_CONTEXT("cuStreamCreate");
  *created = &stream;
  return 0;
}
int cuStreamDestroy_v2(void*) { return 0; }
int cuStreamBeginCapture_v2(void* on, int) {
  CALL_OF_CONTEXT("cuStreamBeginCapture_v2");
  if (on != &stream || recorded != nullptr) return kNoCapture;
  recorded = new Graph;
  return 0;
}
int cuStreamEndCapture(void* on, void** graph) {
  CALL_OF_CONTEXT("cuStreamEndCapture");
  if (on != &stream || recorded == nullptr) return kUnmatched;
  *graph = recorded;
  recorded = nullptr;
  return 0;
}
int cuGraphInstantiateWithFlags(void** made, void* graph, unsigned long long) {
  CALL_OF_CONTEXT("cuGraphInstantiateWithFlags");
  *made = new Graph(*static_cast<Graph*>(graph));
  return 0;
}
int cuGraphUpload(void*, void* on) {
  CALL_OF_CONTEXT("cuGraphUpload");
  return on == &stream ? 0 : kInvalidValue;
}
int cuGraphLaunch(void* made, void* on) {
  CALL_OF_CONTEXT("cuGraphLaunch");
  if (on != &stream) return kInvalidValue;
  for (const auto& run : *static_cast<Graph*>(made)) run();
  return 0;
}
int cuGraphExecDestroy(void* made) {
  delete static_cast<Graph*>(made);
  return 0;
}
int cuGraphDestroy(void* graph) {
  delete static_cast<Graph*>(graph);
  return 0;
}
int cuGetErrorString(int, const char** text) {
  *text = "the fake driver's error";
  return 0;
}
}
