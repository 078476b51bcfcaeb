// Decides when helper threads are worth asking. On a machine whose cores are busy with other
// processes a helper may be put aside in the middle of its part, and then everyone waits for a
// time slice (3 ms and more): far longer than the part takes. After such a wait the helpers get
// a pause of ten times the wait, so that waiting costs at most a tenth even if helpers never gain
// anything; the pause doubles while the first tries after it meet a straggler again.
// A value without a clock: times are seconds from any fixed start. Not thread-safe.
#pragma once

#include <algorithm>

namespace tilewright::runtime {

class StragglerGuard {
 public:
  static constexpr double kPatience = 200e-6;
  static constexpr double kPausePerWait = 10;
  static constexpr double kLongestPause = 400e-3;

  bool HelpersAllowed(double now) const { return now >= resume_at_; }

  // After a parallel loop at `now`: the caller waited `waited` for helpers whose last parts should
  // have taken `expected` at most.
  void Observe(double now, double waited, double expected) {
    if (waited <= kPatience + expected) return;
    const bool again = now - resume_at_ < pause_;
    const double least = kPausePerWait * waited;
    pause_ = std::min(again ? std::max(2 * pause_, least) : least, kLongestPause);
    resume_at_ = now + pause_;
  }

 private:
  double resume_at_ = -1e9;
  double pause_ = 0;
};

}  // namespace tilewright::runtime
