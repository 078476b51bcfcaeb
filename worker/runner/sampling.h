// How often a kernel is timed, and what of it is kept.
#pragma once

#include <chrono>
#include <vector>

#include "worker/run_spec.h"
#include "worker/runner/kernel.h"

namespace tilewright {

// While the worker has nothing else to run. It says that it has by closing standard input, of which
// nothing is read.
class SpareTimeLeft {
 public:
  // From now on. `seconds` 0: none is left. REQUIRES: reads of standard input do not block.
  explicit SpareTimeLeft(double seconds);
  bool Any() const;

 private:
  const std::chrono::steady_clock::time_point end_;
};

// Wall seconds of calls: samples until the estimate is good enough, or the candidate is clearly no
// good, and no spare time is left or other processes want the core. Those during which another
// process had the core count only when there are no others. At most spec.max_samples: of more, so
// many quantiles, whose median is theirs.
std::vector<double> Sample(const RunSpec& spec, const SpareTimeLeft& spare, Kernel& kernel);

}  // namespace tilewright
