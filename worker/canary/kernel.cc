// The test kernel of machines without a compiler (worker/agent/canary.h), built with the program:
// the plain definition of a dense layer of float32[8,256] by float32[256,256], as kernels are
// called.
#include <cstdint>

extern "C" void tilewright_canary(void* const* args, int64_t begin, int64_t end) {
  constexpr int64_t kColumns = 256, kDepth = 256;
  const auto* data = static_cast<const float*>(args[0]);
  const auto* weight = static_cast<const float*>(args[1]);
  auto* out = static_cast<float*>(args[2]);
  for (int64_t m = begin; m < end; ++m) {
    for (int64_t n = 0; n < kColumns; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < kDepth; ++k) sum += data[m * kDepth + k] * weight[n * kDepth + k];
      out[m * kColumns + n] = sum;
    }
  }
}
