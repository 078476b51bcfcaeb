// A clock that stands still but for what the test says was worked.
#pragma once

#include "base/clock.h"

namespace tilewright {

class WorkClock final : public Clock {
 public:
  double Now() const override { return now; }
  double UnixTime() const override { return 0; }
  double now = 0;
};

}  // namespace tilewright
