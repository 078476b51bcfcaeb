#include "compiler/core/narrow_dots.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"

namespace tilewright {
namespace {

// CPU names (LLVM 19) with AVX512_VNNI or AVX-VNNI.
constexpr std::array<absl::string_view, 23> kX86Cpus = {
    "cascadelake", "cooperlake",     "icelake-client",  "icelake-server", "tigerlake",
    "rocketlake",  "sapphirerapids", "emeraldrapids",   "graniterapids",  "graniterapids-d",
    "alderlake",   "raptorlake",     "meteorlake",      "arrowlake",      "arrowlake-s",
    "lunarlake",   "pantherlake",    "gracemont",       "sierraforest",   "grandridge",
    "znver4",      "znver5",         "clearwaterforest"};

// With AVX512_VBMI besides.
constexpr std::array<absl::string_view, 10> kByteShufflingCpus = {
    "icelake-client", "icelake-server", "tigerlake",       "rocketlake", "sapphirerapids",
    "emeraldrapids",  "graniterapids",  "graniterapids-d", "znver4",     "znver5"};

// With I8MM.
constexpr std::array<absl::string_view, 20> kArmCpus = {
    "neoverse-v1", "neoverse-v2", "neoverse-v3", "neoverse-n2", "neoverse-n3",
    "cortex-a510", "cortex-a520", "cortex-a710", "cortex-a715", "cortex-a720",
    "cortex-x2",   "cortex-x3",   "cortex-x4",   "cortex-x925", "apple-m2",
    "apple-m3",    "apple-m4",    "apple-a15",   "apple-a16",   "ampere1a"};

// Whose vdpbf16ps is fast.
constexpr std::array<absl::string_view, 2> kBFloat16Cpus = {"znver4", "znver5"};

template <size_t N>
bool Lists(const std::array<absl::string_view, N>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether instructions that any of some features gives are there after -mattr, whose features LLVM
// applies in order.
bool DotsAfter(bool dots, absl::Span<const absl::string_view> by, absl::string_view mattr) {
  for (absl::string_view feature : absl::StrSplit(mattr, ',', absl::SkipEmpty())) {
    const bool on = feature[0] == '+';
    const absl::string_view name = feature.substr(1);
    if (std::find(by.begin(), by.end(), name) != by.end()) dots = on;
    const bool needed = name == "avx512f" || name == "avx512bw" || name == "avx512vl" ||
                        name == "evex512" || name == "avx2" || name == "avx" || name == "neon";
    if (!on && needed) dots = false;
  }
  return dots;
}

// Of a CPU; of this machine's architecture where none is named.
bool IsX86(const Target& target) {
#if defined(__x86_64__)
  if (target.mtriple.empty()) return true;
#endif
  return absl::StartsWith(target.mtriple, "x86_64");
}

bool IsArm(const Target& target) {
  return target.mtriple.empty() ? !IsX86(target) : absl::StartsWith(target.mtriple, "aarch64");
}

}  // namespace

bool HasByteDots(const Target& target) {
  if (target.kind != "cpu") return false;
  const bool x86 = IsX86(target), arm = IsArm(target);
  const bool named = (x86 && Lists(kX86Cpus, target.mcpu)) || (arm && Lists(kArmCpus, target.mcpu));
  return (x86 || arm) && DotsAfter(named, {"avx512vnni", "avxvnni", "i8mm"}, target.mattr);
}

bool HasByteShuffles(const Target& target) {
  if (target.kind != "cpu" || !IsX86(target)) return false;
  return DotsAfter(Lists(kByteShufflingCpus, target.mcpu), {"avx512vbmi"}, target.mattr);
}

bool HasBFloat16Dots(const Target& target) {
  if (target.kind != "cpu" || !IsX86(target)) return false;
  return DotsAfter(Lists(kBFloat16Cpus, target.mcpu), {"avx512bf16"}, target.mattr);
}

}  // namespace tilewright
