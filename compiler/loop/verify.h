// Well-formedness of loop programs: run after lowering and after every transformation in tests.
#pragma once

#include "absl/status/status.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// FailedPrecondition names the first violation and the statement: a variable used outside its
// loop, an undeclared buffer, a wrong number of indices, a dtype mismatch, an index that is
// provably out of bounds, a parallel loop that is not outermost, a vectorised loop that is not
// innermost or not constant, a store to a parameter other than the last; and for GPU programs
// what compiler/loop/threads.h says.
absl::Status Verify(const Program& program);

// The same for what a user wrote, where nothing may be left to the run: also refused are an index
// that is not provably inside, a loop that is not provably bounded (or 2^44 steps), an integer
// divisor that is not provably positive, and an int64 sum or product that might overflow in an
// index, a bound or a condition.
absl::Status VerifyStrictly(const Program& program);

}  // namespace tilewright
