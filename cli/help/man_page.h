// The manual page, tilewright(1).
#pragma once

#include <string>

#include "cli/help/command_tree.h"

namespace tilewright {

// Every verb with its options and worked example, as roff with the man macros. `version` stands in
// the footer.
std::string ManPage(const Command& root, const std::string& version);

}  // namespace tilewright
