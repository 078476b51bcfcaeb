// `cpu -mcpu=znver5`, in our spelling and AutoTVM's.
#include "base/check.h"
#include "compiler/core/target.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget target_text() {
  return {{"cpu -mcpu=znver5", "llvm -mtriple=aarch64-linux-gnu -mcpu=cortex-a72 -mattr=+neon",
           "cuda -mcpu=sm_90 -model=h100", "llvm -keys=cpu,arm_cpu -device=arm_cpu -libs=mkl"},
          [](std::string_view text) {
            const auto target = ParseTarget(text);
            if (!target.ok()) return false;
            TW_CHECK(ParseTarget(ToString(*target)).value() == *target) << ToString(*target);
            TraitsOf(*target);
            VectorLanes(*target);
            return true;
          }};
}

}  // namespace tilewright
