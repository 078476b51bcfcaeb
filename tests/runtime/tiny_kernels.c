/* Hand-written kernels in the calling convention of generated ones: the tests' mod.so. */
#include <stdint.h>

void double_it(void* const* args, int64_t begin, int64_t end) {
  const float* x = args[0];
  float* y = args[1];
  for (int64_t i = begin; i < end; ++i) y[i] = 2 * x[i];
}

void add(void* const* args, int64_t begin, int64_t end) {
  const float* a = args[0];
  const float* b = args[1];
  float* y = args[2];
  for (int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
}
