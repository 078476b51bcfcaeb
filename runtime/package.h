// The compiled model: a POSIX (ustar) tar with, in this order,
//   manifest.json  {"format":"tilewright-package","version":1,"model":"resnet18",
//                   "target":"cpu -mcpu=znver5","cpu_features":["avx512f",...],
//                   "created_by":"tilewright 0.1","records":["job-7-12",...],
//                   "crc32c":{"mod.json":N,"mod.params":N,"mod.so":N}}
//                  "records" are the measurements that chose its kernels, absent where none did,
//                  so that packages which used a wrong one can be found
//   mod.json       the execution plan, below
//   mod.params     constants, each at a 64-byte aligned offset
//   mod.so         the kernels
// A package for a GPU has format version 2, the kind of device ("device":"opencl") in its manifest,
// the kernels as what that kind names its code (mod.cl) in place of mod.so, offsets at multiples of
// 512 bytes, and calls with "grid" and "block" ([x,y,z]: the blocks, and the threads of one) in
// place of "extent". The tar's members start at multiples of 512 bytes, so mod.params can be used
// from an mmap.
// A package with several shapes of its model's inputs has format version 3, "device" always in its
// manifest, and as mod.json {"plans":[{...},...]}: plans as below that share the constants and the
// kernels, in the order in which they were asked for.
//
// mod.json:
//   {"arena_bytes": N,
//    "tensors": [{"dtype":"float32","shape":[1,3,224,224],
//                 "place":"input"|"output"|"arena"|"param", "offset": bytes, "name": "data",
//                 "classes": ["cat","dog"]}],
//    "inputs": [tensor ids], "outputs": [tensor ids],
//    "calls": [{"kernel":"fused_conv2d_relu_0","args":[tensor ids], "extent": N,
//               "label":"conv1 conv2d+bias+relu", "schedule":"conv2d_nchwc.cpu", "flops": N}],
//    "padding": [{"inputs":[0],"outputs":[0]}], "unpadded": ["dimension 1 of input ids: why"]}
// offset is into the arena or into mod.params; inputs and outputs have their own buffers. A tensor
// that is an output and is read by later calls is still place "output". An output that is an
// input or a constant is copied by a call. "classes", of few outputs, are what the elements of an
// int64 one stand for, places among them, and whose the columns (of the last dimension) of a
// floating-point one are. "padding" and "unpadded" are of version 3.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tilewright {

inline constexpr int kPackageVersion = 1;  // of packages for CPUs
inline constexpr int kDevicePackageVersion = 2;
inline constexpr int kShapesPackageVersion = 3;  // with several plans

struct PlanTensor {
  std::string name, dtype, place;
  std::vector<int64_t> shape;
  int64_t offset = 0;
  std::vector<std::string> classes = {};  // of outputs
};
// `schedule` is the template that made the kernel, "rows" where the definition has stages, or
// "plain"; `flops` are the operations of a
// tunable layer, multiply-add counted as two, at the last call of several for one layer (0 at the
// others). Both are for people: packages without them can be read.
struct PlanCall {
  std::string kernel, label;
  std::vector<int> args;
  int64_t extent = 1;  // on a CPU
  std::string schedule = "";
  double flops = 0;
  std::array<int64_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};  // on a GPU
};
// Samples (a batch) that lie along one axis of inputs and outputs and of which none changes what is
// computed of another: a run may be given fewer, and what stands in the place of the others does
// not matter. The axis of every input and output of the plan, -1 where it holds no samples.
struct PlanPadding {
  std::vector<int> inputs, outputs;
};
struct ExecutionPlan {
  int64_t arena_bytes = 0;
  std::vector<PlanTensor> tensors;
  std::vector<int> inputs, outputs;
  std::vector<PlanCall> calls;
  std::vector<PlanPadding> padding = {};
  std::vector<std::string> unpadded = {};  // for people: dimensions without padding, and why
};
struct Manifest {
  std::string model, target, created_by;
  std::string device = "cpu";             // what runs the kernels: "cpu" or a kind of device
  std::vector<std::string> cpu_features;  // what the code needs, by Linux's names
  std::vector<std::string> records = {};  // run ids of the records that it was compiled with
};

// The member that holds the kernels: "mod.so", or the kind of device's (device/device_driver.h),
// such as "mod.cubin"; empty for a kind that is not known.
std::string CodeMember(const std::string& device);

// Takes bytes one part after the other.
using ByteSink = std::function<void(std::string_view)>;

// The whole package as tar bytes, checksums included; the parts go to the sink as they are, so that
// large parameters are not copied. REQUIRES: at least one plan; tensors of place "param" lie in
// `params`; `so` is what the target's CompileLibrary gives, with every call's kernel.
struct PackageParts {
  const Manifest& manifest;
  const std::vector<ExecutionPlan>& plans;
  std::string_view params, so;
};
void WritePackage(const PackageParts& parts, const ByteSink& sink);
std::string WritePackage(const Manifest& manifest, const std::vector<ExecutionPlan>& plans,
                         std::string_view params, std::string_view so);

// The parts of a package, for tests and tools; WritePackage is the way to make one.
std::string ToJson(const ExecutionPlan& plan);
std::string ToJson(const std::vector<ExecutionPlan>& plans);
std::string ToJson(const Manifest& manifest);

// Tar bytes of (name, contents) members in order, member data at multiples of 512.
using TarMembers = std::vector<std::pair<std::string, std::string_view>>;
void WriteTar(const TarMembers& members, const ByteSink& sink);
std::string WriteTar(const TarMembers& members);

}  // namespace tilewright
