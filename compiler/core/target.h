// What a kernel is compiled for. A value with a canonical text form, which is also its key in
// records: `cpu -mcpu=znver5`, `cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72`.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tilewright {

struct Target {
  std::string kind = "cpu";  // or a kind of device: "cuda", "opencl", ...
  std::string mtriple;       // empty = the machine this process runs on
  std::string mcpu;          // LLVM's CPU name or CUDA's "sm_90"; empty until resolved
  std::string mattr;         // extra LLVM features, "+avx512f,-fma"; usually empty
  std::string model;         // device model, AutoTVM's -model; usually empty

  friend bool operator==(const Target&, const Target&) = default;
};

// Accepts our spelling and AutoTVM's (`llvm -mcpu=...`, `-target=` for -mtriple, `-keys=`,
// `-device=`, `-libs=` and `-link-params=` are ignored). InvalidArgument names the bad option.
absl::StatusOr<Target> ParseTarget(std::string_view text);

// Canonical text; ParseTarget(ToString(t)) == t.
std::string ToString(const Target& target);

// What schedules need to know of a CPU: derived from mcpu/mattr by name, no LLVM needed.
struct CpuTraits {
  int vector_bits = 256;      // 512 (AVX-512), 256 (AVX2) or 128
  int vector_registers = 16;  // architectural
  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 1 << 20;
};
CpuTraits TraitsOf(const Target& target);

// Lanes of float32 in one vector register: the x of NCHW[x]c.
int VectorLanes(const Target& target);

}  // namespace tilewright
