#include "worker/process/spare_time.h"

#include <unistd.h>

#include <utility>

namespace tilewright {

void SpareTime::Hold(int input) {
  std::lock_guard lock(mutex_);
  if (ended_) {
    close(input);
  } else {
    input_ = input;
  }
}

void SpareTime::End() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  if (input_ >= 0) close(std::exchange(input_, -1));
}

void SpareTimes::Enter(SpareTime* run) {
  std::lock_guard lock(mutex_);
  sparing_.push_back(run);
}

void SpareTimes::Leave(SpareTime* run) {
  std::lock_guard lock(mutex_);
  std::erase(sparing_, run);
  std::erase(told_, run);
}

void SpareTimes::EndFor(size_t kernels) {
  std::lock_guard lock(mutex_);
  while (told_.size() < kernels && !sparing_.empty()) {
    sparing_.front()->End();
    told_.push_back(sparing_.front());
    sparing_.pop_front();
  }
}

void SpareTimes::EndAll() {
  std::lock_guard lock(mutex_);
  for (SpareTime* run : sparing_) {
    run->End();
    told_.push_back(run);
  }
  sparing_.clear();
}

}  // namespace tilewright
