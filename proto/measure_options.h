// What one trial may use and how it is timed.
#pragma once

#include <cstdint>

namespace tilewright {

struct MeasureOptions {
  uint64_t seed = 0;                // of the inputs
  double build_limit_seconds = 10;  // AutoTVM's
  double run_limit_seconds = 10;    // of the runner's life, from its start
  // Timed calls stop after sampling_seconds, but not before min_samples.
  uint32_t min_samples = 3;
  uint32_t max_samples = 50;
  double sampling_seconds = 0.015;
  // A sample is the mean of so many timed calls (AutoTVM's number), or of more: of as many as take
  // min_sample_seconds (AutoTVM's min_repeat_ms).
  uint32_t calls = 1;
  double min_sample_seconds = 0;
  // All operands are out of the caches, of the CPU or the device that runs the kernel, when a timed
  // call starts, not only the weights.
  bool cold = false;
  // Best median known so far, 0 = none: a candidate whose first timed call takes more than
  // kDropFactor times as long keeps that one sample and stops; twice that in the warm-up call
  // already is the sample.
  double incumbent_seconds = 0;
  uint32_t threads = 1;  // that the kernel is timed with; at most the slot's cores
};

inline constexpr double kDropFactor = 3;

}  // namespace tilewright
