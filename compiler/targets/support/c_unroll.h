// How often a loop's body is written one after another in kernel text (c_text.h).
#pragma once

#include <string>

#include "compiler/loop/stmt.h"

namespace tilewright {

// The macro in front of a loop: TW_UNROLL where the schedule says so, else TW_UNROLL_BY(n). Left
// alone, NVRTC repeats the bodies of a schedule's other loops until their values fill more
// registers than a thread has; a few repetitions of a short body hide a load's latency as well.
// REQUIRES: a loop that is bound to no coordinate.
std::string UnrollText(const StmtNode& loop);

}  // namespace tilewright
