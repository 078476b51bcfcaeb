// Programs as the source of one GPU module.
#pragma once

#include <span>
#include <string>

#include "compiler/loop/stmt.h"
#include "compiler/targets/support/c_prelude.h"

namespace tilewright {

// The prelude and a kernel for each program. REQUIRES: verified programs with unique names.
std::string ModuleText(std::span<const Program> programs, CLanguage language);

}  // namespace tilewright
