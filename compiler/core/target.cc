#include "compiler/core/target.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"

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

// CPU names with 128-bit vectors: the x86-64 baseline before AVX2, and 64-bit Arm.
constexpr std::array<absl::string_view, 7> kNarrowCpus = {
    "x86-64", "x86-64-v2", "nehalem", "westmere", "silvermont", "goldmont", "generic"};

bool IsIgnored(absl::string_view option) {
  for (absl::string_view prefix :
       {"-keys=", "-device=", "-libs=", "-link-params=", "-num-cores="}) {
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
      if (target.kind != "cpu" && target.kind != "cuda" && target.kind != "opencl") {
        return absl::InvalidArgumentError(
            absl::StrCat("unknown target kind \"", part, "\"; known: cpu (llvm), cuda, opencl"));
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
        absl::StrCat("unknown target option \"", part,
                     "\"; known: -mcpu=, -mtriple=, -mattr=, -model=, -arch="));
  }
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
  const bool narrow_triple = !target.mtriple.empty() && !absl::StartsWith(target.mtriple, "x86_64");
  for (absl::string_view cpu : kAvx512Cpus) {
    if (target.mcpu == cpu && !absl::StrContains(target.mattr, "-avx512f")) {
      return {.vector_bits = 512, .vector_registers = 32, .l1_bytes = 48 << 10};
    }
  }
  if (absl::StrContains(target.mattr, "+avx512f")) {
    return {.vector_bits = 512, .vector_registers = 32};
  }
  for (absl::string_view cpu : kNarrowCpus) {
    if (target.mcpu == cpu) return {.vector_bits = 128};
  }
  if (narrow_triple) return {.vector_bits = 128, .vector_registers = 32};
  return {};
}

int VectorLanes(const Target& target) { return TraitsOf(target).vector_bits / 32; }

}  // namespace tilewright
