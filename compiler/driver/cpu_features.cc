#include "compiler/driver/cpu_features.h"

namespace tilewright {

// The vector width stands for the generation: x86-64-v4 and v3 (psABI micro-architecture levels).
std::vector<std::string> CpuFeaturesOf(const Target& target) {
  const bool x86 = target.mtriple.empty() || target.mtriple.rfind("x86_64", 0) == 0;
#if !defined(__x86_64__)
  if (target.mtriple.empty()) return {};
#endif
  const int bits = TraitsOf(target).vector_bits;
  if (!x86 || bits < 256) return {};
  std::vector<std::string> features = {"avx2", "fma", "bmi1", "bmi2"};
  if (bits >= 512) {
    features.insert(features.end(), {"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  }
  return features;
}

}  // namespace tilewright
