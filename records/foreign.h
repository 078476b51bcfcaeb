// Targets of other systems' logs: kinds and options that ours does not know.
#pragma once

#include <string_view>

#include "compiler/core/target.h"

namespace tilewright {

// ParseTarget where it succeeds; otherwise the kind is the first word and unknown options are
// dropped. Never fails: such a target is only shown and compared.
Target ParseAnyTarget(std::string_view text);

}  // namespace tilewright
