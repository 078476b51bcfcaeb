#include "runtime/cpu_features.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif
#if defined(__aarch64__)
#include <asm/hwcap.h>
#endif

namespace tilewright::runtime {
namespace {

#if defined(__x86_64__)

enum Register { kEax, kEbx, kEcx, kEdx };
// Registers that the kernel must save for a feature to be usable (XCR0; Intel SDM volume 1, 13.3).
constexpr uint64_t kNone = 0, kYmm = 0x6, kZmm = 0xe6;

// Where CPUID tells a feature: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
struct Bit {
  const char* name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  uint64_t state;
};
constexpr Bit kBits[] = {
    {"pni", 1, 0, kEcx, 0, kNone},
    {"ssse3", 1, 0, kEcx, 9, kNone},
    {"fma", 1, 0, kEcx, 12, kYmm},
    {"cx16", 1, 0, kEcx, 13, kNone},
    {"sse4_1", 1, 0, kEcx, 19, kNone},
    {"sse4_2", 1, 0, kEcx, 20, kNone},
    {"movbe", 1, 0, kEcx, 22, kNone},
    {"popcnt", 1, 0, kEcx, 23, kNone},
    {"avx", 1, 0, kEcx, 28, kYmm},
    {"f16c", 1, 0, kEcx, 29, kYmm},
    {"bmi1", 7, 0, kEbx, 3, kNone},
    {"avx2", 7, 0, kEbx, 5, kYmm},
    {"bmi2", 7, 0, kEbx, 8, kNone},
    {"avx512f", 7, 0, kEbx, 16, kZmm},
    {"avx512dq", 7, 0, kEbx, 17, kZmm},
    {"adx", 7, 0, kEbx, 19, kNone},
    {"avx512ifma", 7, 0, kEbx, 21, kZmm},
    {"avx512cd", 7, 0, kEbx, 28, kZmm},
    {"avx512bw", 7, 0, kEbx, 30, kZmm},
    {"avx512vl", 7, 0, kEbx, 31, kZmm},
    {"avx512vbmi", 7, 0, kEcx, 1, kZmm},
    {"avx512_vbmi2", 7, 0, kEcx, 6, kZmm},
    {"gfni", 7, 0, kEcx, 8, kNone},
    {"vaes", 7, 0, kEcx, 9, kYmm},
    {"vpclmulqdq", 7, 0, kEcx, 10, kYmm},
    {"avx512_vnni", 7, 0, kEcx, 11, kZmm},
    {"avx512_bitalg", 7, 0, kEcx, 12, kZmm},
    {"avx512_vpopcntdq", 7, 0, kEcx, 14, kZmm},
    {"avx512_vp2intersect", 7, 0, kEdx, 8, kZmm},
    {"avx512_fp16", 7, 0, kEdx, 23, kZmm},
    {"avx_vnni", 7, 1, kEax, 4, kYmm},
    {"avx512_bf16", 7, 1, kEax, 5, kZmm},
    {"avx_ifma", 7, 1, kEax, 23, kYmm},
    {"avx_vnni_int8", 7, 1, kEdx, 4, kYmm},
    {"avx_ne_convert", 7, 1, kEdx, 5, kYmm},
    {"avx_vnni_int16", 7, 1, kEdx, 10, kYmm},
    {"abm", 0x80000001, 0, kEcx, 5, kNone},
    {"sse4a", 0x80000001, 0, kEcx, 6, kNone},
    {"xop", 0x80000001, 0, kEcx, 11, kYmm},
    {"fma4", 0x80000001, 0, kEcx, 16, kYmm},
    {"tbm", 0x80000001, 0, kEcx, 21, kNone},
};

// What the kernel saves; 0 when it does not use XSAVE.
uint64_t SavedState() {
  constexpr uint32_t kOsXsave = 1u << 27;
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsXsave) == 0) return 0;
  __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (uint64_t{d} << 32) | a;
}

bool Has(const Bit& bit, uint64_t saved) {
  uint32_t regs[4] = {};
  if (__get_cpuid_count(bit.leaf, bit.subleaf, &regs[0], &regs[1], &regs[2], &regs[3]) == 0) {
    return false;
  }
  return (regs[bit.reg] >> bit.bit & 1) != 0 && (saved & bit.state) == bit.state;
}

#elif defined(__aarch64__)

struct Bit {
  const char* name;
  uint64_t hwcap, hwcap2;
};
constexpr Bit kBits[] = {
    {"fp", HWCAP_FP, 0},
    {"asimd", HWCAP_ASIMD, 0},
    {"asimdhp", HWCAP_ASIMDHP, 0},
    {"asimdfhm", HWCAP_ASIMDFHM, 0},
    {"asimdrdm", HWCAP_ASIMDRDM, 0},
    {"asimddp", HWCAP_ASIMDDP, 0},
    {"fcma", HWCAP_FCMA, 0},
    {"jscvt", HWCAP_JSCVT, 0},
    {"frint", 0, HWCAP2_FRINT},
    {"atomics", HWCAP_ATOMICS, 0},
    {"lrcpc", HWCAP_LRCPC, 0},
    {"crc32", HWCAP_CRC32, 0},
    {"flagm", HWCAP_FLAGM, 0},
    {"flagm2", 0, HWCAP2_FLAGM2},
    {"i8mm", 0, HWCAP2_I8MM},
    {"bf16", 0, HWCAP2_BF16},
    {"sve", HWCAP_SVE, 0},
    {"sve2", 0, HWCAP2_SVE2},
    {"svebitperm", 0, HWCAP2_SVEBITPERM},
    {"svef32mm", 0, HWCAP2_SVEF32MM},
    {"svef64mm", 0, HWCAP2_SVEF64MM},
};

#elif defined(__riscv)

struct Bit {
  const char* name;
  uint64_t hwcap;
};
// One bit a letter (arch/riscv/include/uapi/asm/hwcap.h).
constexpr Bit kBits[] = {{"a", 1u << ('a' - 'a')}, {"c", 1u << ('c' - 'a')},
                         {"d", 1u << ('d' - 'a')}, {"f", 1u << ('f' - 'a')},
                         {"m", 1u << ('m' - 'a')}, {"v", 1u << ('v' - 'a')}};

#endif

}  // namespace

std::set<std::string> CpuFeatures() {
  std::set<std::string> features;
#if defined(__x86_64__)
  const uint64_t saved = SavedState();
  for (const Bit& bit : kBits) {
    if (Has(bit, saved)) features.insert(bit.name);
  }
#elif defined(__aarch64__)
  const uint64_t hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  for (const Bit& bit : kBits) {
    if (((hwcap & bit.hwcap) | (hwcap2 & bit.hwcap2)) != 0) features.insert(bit.name);
  }
#elif defined(__riscv)
  const uint64_t hwcap = getauxval(AT_HWCAP);
  for (const Bit& bit : kBits) {
    if ((hwcap & bit.hwcap) != 0) features.insert(bit.name);
  }
#endif
  return features;
}

std::vector<std::string> MissingFeatures(const std::vector<std::string>& wanted,
                                         const std::set<std::string>& present) {
  std::vector<std::string> missing;
  for (const std::string& feature : wanted) {
    if (present.count(feature) == 0) missing.push_back(feature);
  }
  return missing;
}

}  // namespace tilewright::runtime
