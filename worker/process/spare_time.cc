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

}  // namespace tilewright
