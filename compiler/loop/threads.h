// GPU programs: loops bound to blocks and threads, and what a launch of them needs.
//
// The form of every GPU program, from outside to inside: loops bound to block axes; allocations of
// shared buffers; loops bound to thread axes; what one thread does. Axes may be left out (extent
// 1).
#pragma once

#include "absl/status/status.h"
#include "compiler/core/launch.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// Of shared memory, where a block's threads are told whether theirs is the last (kLastBlock).
inline constexpr int64_t kLastBlockBytes = 16;

// Whether any loop is bound to an axis or any buffer is shared.
bool IsGpuProgram(const Program& program);

// REQUIRES: Verify(program).ok().
Launch LaunchOf(const Program& program);

// FailedPrecondition unless loops are bound as above, each axis once, from 0 and with a constant
// extent, and every barrier and tile is reached by all threads of a block together: no enclosing
// condition or loop bound depends on a thread or on memory. Where there are tiles, warps are whole:
// the threads along x are a multiple of 32. A pipeline stands alone in the threads, which lie along
// x: whole warpgroups that use and a warp that fills by loads of boxes; nothing else loads boxes,
// and warpgroups multiply in its use alone, which stores nothing. What the last block does stands
// alone too; its counter is an int32 that is written before the output, one for all threads. What
// is added to atomically is the output, of float32 or int32, which is not used otherwise. OK for
// programs without any of these.
absl::Status VerifyThreads(const Program& program);

// The same program for one thread of a CPU after another: its outermost loop is parallel, no loop
// is bound. What is prepared once from weights runs on a GPU or, at compile time, here. REQUIRES:
// no barriers, tiles and shared buffers.
Program WithoutThreads(const Program& program);

// InvalidArgument names the first limit that the launch exceeds, with both numbers.
absl::Status CheckLaunch(const Launch& launch, const LaunchLimits& limits);

}  // namespace tilewright
