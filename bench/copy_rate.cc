// bench-copy-rate KIB [THREADS]: prints the rate, in GB/s written, at which as many threads, each
// on a CPU of its own, copy KIB kibibytes of their own over and over: half of KIB is read, half
// written.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "runtime/cpu_info.h"

namespace {

constexpr double kSeconds = 0.4;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Copies for kSeconds from when all are ready; bytes a second.
double CopyRate(size_t bytes, std::atomic<int>& missing) {
  std::vector<char> from(bytes, 1), to(bytes);
  --missing;
  while (missing > 0) {
  }
  double copied = 0;
  const double start = Now();
  double now = start;
  for (; now < start + kSeconds; now = Now()) {
    for (size_t done = 0; done < std::max<size_t>(bytes, 1 << 20); done += bytes) {
      std::memcpy(to.data(), from.data(), bytes);
      asm volatile("" : : "r"(to.data()) : "memory");
      copied += static_cast<double>(bytes);
    }
  }
  return copied / (now - start);
}

}  // namespace

int main(int argc, char** argv) {
  const long kib = argc > 1 ? std::atol(argv[1]) : 0;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  const std::vector<int> cpus = tilewright::runtime::AllowedCpus();
  if (kib < 2 || threads < 1 || threads > static_cast<int>(cpus.size())) {
    std::fprintf(stderr, "bench-copy-rate KIB [THREADS, at most the CPUs that it may use]\n");
    return 2;
  }
  std::atomic<int> missing{threads};
  std::vector<double> rates(threads);
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      tilewright::runtime::BindThread(pthread_self(), cpus[i]);
      rates[i] = CopyRate(static_cast<size_t>(kib) * 512, missing);
    });
  }
  for (std::thread& thread : running) thread.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  std::printf("%.1f\n", sum / 1e9);
}
