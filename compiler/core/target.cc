#include "compiler/core/target.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "runtime/device/device_kind.h"

namespace tilewright {
namespace {

// CPU names (LLVM 19) whose widest native vector is 512 bits.
constexpr std::array<absl::string_view, 16> kAvx512Cpus = {
    "x86-64-v4",      "skylake-avx512",  "skx",
    "cascadelake",    "cooperlake",      "cannonlake",
    "icelake-client", "icelake-server",  "tigerlake",
    "rocketlake",     "sapphirerapids",  "emeraldrapids",
    "graniterapids",  "graniterapids-d", "znver4",
    "znver5"};

// x86-64 CPU names before AVX2, whose 256-bit vectors are missing or hold no float32 arithmetic
// with fused multiply-adds.
constexpr std::array<absl::string_view, 30> kNarrowCpus = {
    "x86-64",  "x86-64-v2",  "nehalem",    "westmere",      "sandybridge", "ivybridge",
    "corei7",  "corei7-avx", "core-avx-i", "core2",         "penryn",      "nocona",
    "k8",      "k8-sse3",    "athlon64",   "athlon64-sse3", "opteron",     "opteron-sse3",
    "atom",    "bonnell",    "silvermont", "slm",           "goldmont",    "goldmont-plus",
    "tremont", "btver1",     "btver2",     "amdfam10",      "barcelona",   "generic"};

// 128-bit vector registers of the architectures that are not x86-64, by the triple's first part.
int RegistersOf(absl::string_view triple) {
  for (absl::string_view arch : {"arm", "thumb"}) {
    if (absl::StartsWith(triple, arch) && !absl::StartsWith(triple, "arm64")) return 16;
  }
  if (absl::StartsWith(triple, "i") && absl::StrContains(triple.substr(0, 4), "86")) return 8;
  return 32;  // AArch64, RISC-V with V, POWER, LoongArch
}

// Widest vectors after -mattr, whose features LLVM applies in order: one that is switched on brings
// those it needs, one that is switched off takes those that need it.
int VectorBitsAfter(int bits, absl::string_view mattr) {
  for (absl::string_view feature : absl::StrSplit(mattr, ',', absl::SkipEmpty())) {
    const bool on = feature[0] == '+';
    const absl::string_view name = feature.substr(1);
    if (on && absl::StartsWith(name, "avx512")) bits = 512;
    if (on && name == "avx2") bits = std::max(bits, 256);
    if (!on && (name == "avx512f" || name == "evex512" || name == "fma" || name == "f16c")) {
      bits = std::min(bits, 256);
    }
    if (!on &&
        (name == "avx2" || name == "avx" || absl::StartsWith(name, "sse") || name == "ssse3")) {
      bits = 128;
    }
  }
  return bits;
}

bool IsKind(std::string_view kind) {
  return kind == "cpu" || runtime::FindDeviceKind(kind) != nullptr;
}

bool IsIgnored(absl::string_view option) {
  for (absl::string_view prefix :
       {"-keys=", "-device=", "-libs=", "-link-params=", "-num-cores=", "-max_num_threads=",
        "-thread_warp_size=", "-max_threads_per_block=", "-max_shared_memory_per_block=",
        "-registers_per_block=", "-host="}) {
    if (absl::StartsWith(option, prefix)) return true;
  }
  return false;
}

bool TakeOption(absl::string_view part, absl::string_view name, std::string* value) {
  if (!absl::StartsWith(part, name)) return false;
  *value = std::string(part.substr(name.size()));
  return true;
}

}  // namespace

absl::StatusOr<Target> ParseTarget(std::string_view text) {
  Target target;
  bool first = true;
  for (absl::string_view part : absl::StrSplit(Sv(text), ' ', absl::SkipEmpty())) {
    if (first) {
      target.kind = part == "llvm" ? "cpu" : std::string(part);
      if (!IsKind(target.kind)) {
        return absl::InvalidArgumentError(absl::StrCat("unknown target kind \"", Shown(Std(part)),
                                                       "\"; known: cpu (llvm), ",
                                                       runtime::KnownDrivers()));
      }
      first = false;
      continue;
    }
    if (TakeOption(part, "-mcpu=", &target.mcpu) ||
        TakeOption(part, "-mtriple=", &target.mtriple) ||
        TakeOption(part, "-target=", &target.mtriple) || TakeOption(part, "-arch=", &target.mcpu) ||
        TakeOption(part, "-mattr=", &target.mattr) || TakeOption(part, "-model=", &target.model) ||
        IsIgnored(part)) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("unknown target option \"", Shown(Std(part)),
                     "\"; known: -mcpu=, -mtriple=, -mattr=, -model=, -arch="));
  }
  if (target.model == "unknown") target.model.clear();  // what AutoTVM writes for none
  if (first) return absl::InvalidArgumentError("empty target; try \"cpu\" or \"cpu -mcpu=znver4\"");
  return target;
}

std::string ToString(const Target& target) {
  std::string text = target.kind;
  const absl::string_view cpu = target.kind == "cpu" ? " -mcpu=" : " -arch=";
  if (!target.mtriple.empty()) absl::StrAppend(&text, " -mtriple=", target.mtriple);
  if (!target.mcpu.empty()) absl::StrAppend(&text, cpu, target.mcpu);
  if (!target.mattr.empty()) absl::StrAppend(&text, " -mattr=", target.mattr);
  if (!target.model.empty()) absl::StrAppend(&text, " -model=", target.model);
  return text;
}

CpuTraits TraitsOf(const Target& target) {
  const absl::string_view triple = target.mtriple;
  if (!triple.empty() && !absl::StartsWith(triple, "x86_64")) {
    return {.vector_bits = 128, .vector_registers = RegistersOf(triple)};
  }
#if !defined(__x86_64__)
  if (triple.empty()) return {.vector_bits = 128, .vector_registers = 32};
#endif
  const auto is_cpu = [&](absl::string_view name) { return target.mcpu == name; };
  const bool wide = std::any_of(kAvx512Cpus.begin(), kAvx512Cpus.end(), is_cpu);
  const bool narrow = std::any_of(kNarrowCpus.begin(), kNarrowCpus.end(), is_cpu);
  const int bits = VectorBitsAfter(wide ? 512 : narrow ? 128 : 256, target.mattr);
  if (bits < 512) return {.vector_bits = bits};
  return {.vector_bits = 512, .vector_registers = 32, .l1_bytes = (wide ? 48 : 32) << 10};
}

int VectorLanes(const Target& target) { return TraitsOf(target).vector_bits / 32; }

}  // namespace tilewright
