// The loop IR as text: what --dump writes and golden tests compare. Print and Parse round-trip.
//
//   program conv(data: float32[1,4,56,56,16], out: float32[1,4,56,56,16]):
//     parallel i in 0..224:
//       alloc acc: register float32[2,14,16]
//       unroll x in 0..14:
//         vector l in 0..16:
//           acc[0, x, l] = 0.0
//       for k in 0..64:
//         if 0 <= k - 1 && k < 56:
//           ...
//         else:
//           ...
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/loop/compute.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

std::string Print(const Expr& e);
std::string Print(const Stmt& s, int indent = 0);
std::string Print(const Program& program);
// A definition on a few lines: axes, reduction, body, predicate, result. For dumps; not parsed.
std::string Print(const Compute& compute);

// InvalidArgument with line and column. Bounded: at most 4 MiB of text, nesting depth 200.
absl::StatusOr<Program> ParseProgram(std::string_view text);

}  // namespace tilewright
