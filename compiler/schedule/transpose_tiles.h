// The schedule of definitions that turn memory round: layout changes and transposes.
#pragma once

#include <optional>

#include "compiler/loop/compute.h"

namespace tilewright {

// A map whose innermost output axis strides over an input that another axis walks contiguously is
// computed by square tiles of `lanes` elements a side: what reads across is computed row by row in
// the direction of the input, kept in registers, and stored column by column in the direction of
// the output, so that all of memory is read and written by whole vectors. (The loads of columns
// become shuffles: compiler/targets/support/emit_transpose.h.) nullopt for any other definition.
std::optional<Program> TransposeTiles(const Compute& compute, int64_t lanes);

}  // namespace tilewright
