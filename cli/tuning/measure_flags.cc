#include "cli/tuning/measure_flags.h"

#include "proto/convert.h"

namespace tilewright {
namespace {

// As the server bounds them (proto/convert.cc).
constexpr int kMostCalls = 1'000'000;
constexpr int kMostSamples = 4096;
constexpr double kMostSeconds = 600;

}  // namespace

void AddMeasureFlags(CLI::App* verb, MeasureFlags* flags) {
  verb->add_option("--number", flags->number,
                   "timed calls of a kernel, each with cold weights, averaged into a sample "
                   "(default 1)")
      ->check(CLI::Range(1, kMostCalls));
  verb->add_option("--repeat", flags->repeat,
                   "samples of a kernel (default: 3 to 50, as many as 15 ms hold)")
      ->check(CLI::Range(1, kMostSamples));
  verb->add_option("--min-repeat-ms", flags->min_repeat_ms,
                   "a sample averages as many calls as take so long (default 0)")
      ->check(CLI::Range(0.0, kMostSeconds * 1e3));
  verb->add_option("--timeout", flags->timeout_seconds,
                   "seconds that a kernel's build may take, and its run (default 10)")
      ->check(CLI::Range(0.01, kMostSeconds));
  verb->add_flag("--cache-flush", flags->cache_flush,
                 "CPUs: inputs too, not only weights, are out of the caches at each timed call");
}

void SetMeasure(const MeasureFlags& flags, v1::JobSpec* job) {
  const bool given = flags.number || flags.repeat || flags.min_repeat_ms || flags.timeout_seconds;
  if (!given && !flags.cache_flush) return;
  MeasureOptions options;
  options.calls = flags.number.value_or(options.calls);
  if (flags.repeat) {
    options.min_samples = options.max_samples = *flags.repeat;
    options.sampling_seconds = 0;
  }
  options.min_sample_seconds = flags.min_repeat_ms.value_or(0) / 1e3;
  options.build_limit_seconds = flags.timeout_seconds.value_or(options.build_limit_seconds);
  options.run_limit_seconds = flags.timeout_seconds.value_or(options.run_limit_seconds);
  options.cold = flags.cache_flush;
  *job->mutable_measure() = ToMessage(options);
}

}  // namespace tilewright
