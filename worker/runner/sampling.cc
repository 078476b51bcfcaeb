#include "worker/runner/sampling.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tilewright {
namespace {

// On a busy machine sampling may take this many times as long to find undisturbed calls.
constexpr double kPatience = 4;
// Of a fast kernel in a long spare time. More say nothing new, and to sort these keeps the next
// kernel waiting no longer than a slow call does.
constexpr size_t kMostSamples = 1 << 16;
// Others want the core when they have taken that part of the sampling, and so many seconds: more
// than the system's own threads and short commands do, and less than one that computes.
constexpr double kMostTaken = 1.0 / 8, kLeastTaken = 0.02;

std::chrono::steady_clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

// Times this process was put off its core so far.
long Preemptions() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

double SecondsOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Sampled {
  double mean = 0, all = 0;  // seconds of a call, of all calls
};
Sampled TakeSample(const RunSpec& spec, Kernel& kernel) {
  double all = 0;
  uint32_t calls = 0;
  for (; calls == 0 || calls < spec.sample_calls || all < spec.sample_seconds; ++calls) {
    all += kernel.TimedCall();
  }
  return {all / calls, all};
}

struct Samples {
  std::vector<double> clean, disturbed;
  double spent = 0;               // in calls
  double elapsed = 0, taken = 0;  // in all, and of that by others while calls were disturbed

  void Take(const RunSpec& spec, Kernel& kernel) {
    const long before = Preemptions();
    const double start = SecondsOf(CLOCK_MONOTONIC), worked = SecondsOf(CLOCK_THREAD_CPUTIME_ID);
    const Sampled sample = TakeSample(spec, kernel);
    const double seconds = SecondsOf(CLOCK_MONOTONIC) - start;
    const bool is_clean = Preemptions() == before;
    if (!is_clean) taken += seconds - (SecondsOf(CLOCK_THREAD_CPUTIME_ID) - worked);
    (is_clean ? clean : disturbed).push_back(sample.mean);
    spent += sample.all;
    elapsed += seconds;
  }
  // Time to spare is of a core that nobody else wants, and others would only go to the builders'.
  bool MayGoOn() const {
    return count() < kMostSamples && (taken < kLeastTaken || taken < kMostTaken * elapsed);
  }
  size_t count() const { return clean.size() + disturbed.size(); }
  bool AreEnough(const RunSpec& spec) const {
    if (count() >= spec.max_samples) return true;
    if (!clean.empty() && spec.drop_seconds > 0 && clean[0] > spec.drop_seconds) return true;
    const double enough = spec.sampling_seconds * (clean.size() < spec.min_samples ? kPatience : 1);
    return count() >= spec.min_samples && spent >= enough;
  }
};

std::vector<double> Quantiles(std::vector<double> all, size_t count) {
  if (all.size() <= count) return all;
  std::sort(all.begin(), all.end());
  std::vector<double> kept;
  for (size_t i = 0; i < count; ++i) kept.push_back(all[(2 * i + 1) * all.size() / (2 * count)]);
  return kept;
}

}  // namespace

SpareTimeLeft::SpareTimeLeft(double seconds)
    : end_(std::chrono::steady_clock::now() + Seconds(seconds)) {}

// What is open and has nothing to read says so by EAGAIN, whatever the kernel did to it.
bool SpareTimeLeft::Any() const {
  if (std::chrono::steady_clock::now() >= end_) return false;
  char byte;
  return read(STDIN_FILENO, &byte, 1) < 0 && errno == EAGAIN;
}

std::vector<double> Sample(const RunSpec& spec, const SpareTimeLeft& spare, Kernel& kernel) {
  Samples samples;
  while (!samples.AreEnough(spec) || (samples.MayGoOn() && spare.Any())) samples.Take(spec, kernel);
  return Quantiles(samples.clean.empty() ? samples.disturbed : samples.clean, spec.max_samples);
}

}  // namespace tilewright
