// What models of all devices do alike with the calls of their plan.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace tilewright::runtime {

// run(call, timed) for each; the wall time of each of the first `capacity` goes to `seconds`, when
// given.
template <typename Call, typename RunOne>
void ForEachCall(const std::vector<Call>& calls, double* seconds, size_t capacity, RunOne run) {
  using Clock = std::chrono::steady_clock;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (seconds == nullptr || i >= capacity) {
      run(calls[i], false);
      continue;
    }
    const auto start = Clock::now();
    run(calls[i], true);
    seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
  }
}

}  // namespace tilewright::runtime
