// What the strategies maximise.
#pragma once

#include "compiler/core/outcome.h"

namespace tilewright {

// Flops per second of the median run; 0 for a failure, which so is data like any other.
inline double ScoreOf(const Trial& trial, double flops) {
  const std::optional<double> seconds = MedianSeconds(trial.outcome);
  return seconds && *seconds > 0 ? flops / *seconds : 0;
}

}  // namespace tilewright
