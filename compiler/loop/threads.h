// GPU programs: loops bound to blocks and threads, and what a launch of them needs.
//
// The form of every GPU program, from outside to inside: loops bound to block axes; allocations of
// shared buffers; loops bound to thread axes; what one thread does. Axes may be left out (extent 1).
#pragma once

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// How a program is started: extents of its axes, x first, and its shared buffers.
struct Launch {
  std::array<int64_t, 3> grid = {1, 1, 1};
  std::array<int64_t, 3> block = {1, 1, 1};
  int64_t shared_bytes = 0;

  int64_t threads() const { return block[0] * block[1] * block[2]; }
  int64_t blocks() const { return grid[0] * grid[1] * grid[2]; }
  friend bool operator==(const Launch&, const Launch&) = default;
};

// What a device allows. The defaults are those every CUDA device since 2014 has (CUDA C++
// Programming Guide, "Technical Specifications per Compute Capability").
struct LaunchLimits {
  int64_t threads = 1024;
  std::array<int64_t, 3> block = {1024, 1024, 64};
  std::array<int64_t, 3> grid = {(int64_t{1} << 31) - 1, 65535, 65535};
  int64_t shared_bytes = 48 << 10;
};

// Whether any loop is bound to an axis or any buffer is shared.
bool IsGpuProgram(const Program& program);

// REQUIRES: Verify(program).ok().
Launch LaunchOf(const Program& program);

// FailedPrecondition unless loops are bound as above, each axis once, from 0 and with a constant
// extent, and every barrier is reached by all threads of a block together: no enclosing condition
// or loop bound depends on a thread or on memory. OK for programs without axes, barriers and shared
// buffers.
absl::Status VerifyThreads(const Program& program);

// InvalidArgument names the first limit that the launch exceeds, with both numbers.
absl::Status CheckLaunch(const Launch& launch, const LaunchLimits& limits);

}  // namespace tilewright
