// `records prune`.
#pragma once

#include <CLI/CLI.hpp>

namespace tilewright {

// Adds the verb to the group `records`.
void AddPruneVerb(CLI::App* group);

}  // namespace tilewright
