// The reference interpreter: what every other execution of a program is compared with.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// Runs the program. args match program.params in type; the last is written. Loops of every kind
// run serially in order, the threads of a block from barrier to barrier or tile; FailedPrecondition
// when their order could matter, since two touch a shared element without a barrier between.
// float32 arithmetic is done in float32, one rounding per operation. InvalidArgument when the
// arguments do not match; OutOfRange names the buffer and index of an access outside its shape
// (every access is checked). Thread-safe.
absl::Status Interpret(const Program& program, std::span<Tensor> args);

}  // namespace tilewright
