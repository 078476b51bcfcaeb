// Times as people type them.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

// "90", "90s", "10m", "1.5h", "90d" in seconds. Wrong usage otherwise.
absl::StatusOr<double> ParseDuration(const std::string& text);

}  // namespace tilewright
