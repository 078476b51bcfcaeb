#include "compiler/targets/support/cpu_features.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "compiler/targets/support/llvm_target.h"

namespace tilewright {
namespace {

// LLVM's names to Linux's (arch/x86/include/asm/cpufeatures.h, arch/arm64's and riscv's hwcap.h).
// Left out: what no code of ours can use (cryptography, system instructions, matrix tiles) and
// what only tunes.
constexpr std::pair<std::string_view, std::string_view> kLinuxNames[] = {
    // x86-64
    {"sse3", "pni"},
    {"ssse3", "ssse3"},
    {"sse4.1", "sse4_1"},
    {"sse4.2", "sse4_2"},
    {"sse4a", "sse4a"},
    {"popcnt", "popcnt"},
    {"movbe", "movbe"},
    {"lzcnt", "abm"},
    {"bmi", "bmi1"},
    {"bmi2", "bmi2"},
    {"gfni", "gfni"},
    {"avx", "avx"},
    {"f16c", "f16c"},
    {"fma", "fma"},
    {"fma4", "fma4"},
    {"xop", "xop"},
    {"tbm", "tbm"},
    {"avx2", "avx2"},
    {"avxvnni", "avx_vnni"},
    {"avxifma", "avx_ifma"},
    {"avxvnniint8", "avx_vnni_int8"},
    {"avxvnniint16", "avx_vnni_int16"},
    {"avxneconvert", "avx_ne_convert"},
    {"avx512f", "avx512f"},
    {"avx512cd", "avx512cd"},
    {"avx512bw", "avx512bw"},
    {"avx512dq", "avx512dq"},
    {"avx512vl", "avx512vl"},
    {"avx512ifma", "avx512ifma"},
    {"avx512vbmi", "avx512vbmi"},
    {"avx512vbmi2", "avx512_vbmi2"},
    {"avx512vnni", "avx512_vnni"},
    {"avx512bitalg", "avx512_bitalg"},
    {"avx512vpopcntdq", "avx512_vpopcntdq"},
    {"avx512vp2intersect", "avx512_vp2intersect"},
    {"avx512bf16", "avx512_bf16"},
    {"avx512fp16", "avx512_fp16"},
    // AArch64
    {"fp-armv8", "fp"},
    {"neon", "asimd"},
    {"fullfp16", "asimdhp"},
    {"fp16fml", "asimdfhm"},
    {"rdm", "asimdrdm"},
    {"dotprod", "asimddp"},
    {"complxnum", "fcma"},
    {"jsconv", "jscvt"},
    {"fptoint", "frint"},
    {"lse", "atomics"},
    {"rcpc", "lrcpc"},
    {"crc", "crc32"},
    {"flagm", "flagm"},
    {"altnzcv", "flagm2"},
    {"i8mm", "i8mm"},
    {"bf16", "bf16"},
    {"sve", "sve"},
    {"sve2", "sve2"},
    {"sve2-bitperm", "svebitperm"},
    {"f32mm", "svef32mm"},
    {"f64mm", "svef64mm"},
    // RISC-V; Linux tells the single letters only.
    {"m", "m"},
    {"a", "a"},
    {"f", "f"},
    {"d", "d"},
    {"c", "c"},
    {"v", "v"},
};

}  // namespace

std::vector<std::string> CpuFeaturesOf(const Target& target) {
  std::vector<std::string> features;
  for (const std::string& feature : EnabledFeatures(target)) {
    const auto name =
        std::ranges::find(kLinuxNames, feature, [](const auto& row) { return row.first; });
    if (name != std::end(kLinuxNames)) features.emplace_back(name->second);
  }
  std::sort(features.begin(), features.end());
  return features;
}

}  // namespace tilewright
