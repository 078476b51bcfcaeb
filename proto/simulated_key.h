// Device keys of workers that have no device (`tilewright worker --simulate`). No real worker takes
// them and no simulated one takes others, so that simulated and real trials never meet; records of
// these keys are of the class "simulated", which no look-up takes.
#pragma once

#include <string_view>

namespace tilewright {

inline constexpr std::string_view kSimulatedKey = "simulated";

// "simulated" and whatever begins with "simulated-".
inline bool IsSimulatedKey(std::string_view key) {
  if (key.substr(0, kSimulatedKey.size()) != kSimulatedKey) return false;
  return key.size() == kSimulatedKey.size() || key[kSimulatedKey.size()] == '-';
}

}  // namespace tilewright
