// How a GPU kernel is started. A value.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/device/gpu_traits.h"

namespace tilewright {

// Extents of the axes, x first, and the bytes that the threads of a block share. All 1 and 0 for a
// kernel of a CPU.
struct Launch {
  std::array<int64_t, 3> grid = {1, 1, 1};
  std::array<int64_t, 3> block = {1, 1, 1};
  int64_t shared_bytes = 0;

  int64_t threads() const { return block[0] * block[1] * block[2]; }
  int64_t blocks() const { return grid[0] * grid[1] * grid[2]; }
  friend bool operator==(const Launch&, const Launch&) = default;
};

using runtime::LaunchLimits;

}  // namespace tilewright
