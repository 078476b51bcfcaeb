// The machine's FP32 fused-multiply-add peak, measured: what every other figure is a ratio of.
#pragma once

namespace tilewright {

// GFLOP/s of one thread (the best of 10 runs of a few milliseconds): independent accumulators in
// the widest vectors the CPU has. Thread-safe.
double MeasureFmaPeakGflops();

}  // namespace tilewright
