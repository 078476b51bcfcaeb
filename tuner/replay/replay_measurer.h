// A Measurer that answers from a recorded space, at once and on the caller's thread.
#pragma once

#include "tuner/measure/measurer.h"
#include "tuner/replay/recorded_space.h"

namespace tilewright {

class ReplayMeasurer final : public Measurer {
 public:
  // `recorded` outlives this.
  explicit ReplayMeasurer(const RecordedSpace& recorded) : recorded_(recorded) {}

  // A config that was never recorded fails with kInstantiation, and says so.
  void Measure(const MeasureRequest& request, Done done) override;
  size_t PreferredInFlight() const override { return 1; }

 private:
  const RecordedSpace& recorded_;
};

}  // namespace tilewright
