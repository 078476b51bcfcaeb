// `records revoke` and `records revoked`.
#pragma once

#include <CLI/CLI.hpp>

namespace tilewright {

// Adds both verbs to the group `records`.
void AddRevokeVerbs(CLI::App* group);

}  // namespace tilewright
