// Completion of the command's verbs, options and their listed values in shells; what takes anything
// else is completed as a file.
#pragma once

#include <string>

#include "cli/help/command_tree.h"

namespace tilewright {

// Each is sourced by its shell, or lies in its folder of completions. They need nothing beside the
// shell: bash 4, zsh 5 after compinit, fish 3.
std::string BashCompletion(const Command& root);
std::string ZshCompletion(const Command& root);
std::string FishCompletion(const Command& root);

}  // namespace tilewright
