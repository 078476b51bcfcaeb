// Whether one measurement is faster than another by more than both scatter.
#pragma once

#include "compiler/core/outcome.h"

namespace tilewright {

// The middle halves of their samples do not meet, and the gain is at least one per cent.
// REQUIRES: both have samples.
bool IsFasterBeyondNoise(const Timing& one, const Timing& other);

}  // namespace tilewright
