// bench-fma-peak: prints the FP32 FMA peak of one thread in GFLOP/s.
#include <cstdio>

#include "bench/fma_peak.h"

int main() { std::printf("%.1f\n", tilewright::MeasureFmaPeakGflops()); }
