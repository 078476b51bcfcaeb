// Debian 12 builds Abseil with its own string_view; this converts for StrCat and friends.
#pragma once

#include <string_view>

#include "absl/strings/string_view.h"

namespace tilewright {

inline absl::string_view Sv(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace tilewright
