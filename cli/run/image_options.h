// How images become inputs, as options of a verb.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/run/image_array.h"

namespace tilewright {

// Adds --layout, --mean, --scale, --bgr and --resize, which go with `inputs`. `options` outlives
// the verb.
void AddImageOptions(CLI::App& verb, CLI::Option& inputs, ImageOptions& options);

}  // namespace tilewright
