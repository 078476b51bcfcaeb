// Operators that are known and not supported: why, and what to do instead.
#pragma once

#include <string>
#include <string_view>

namespace tilewright {

// ": strings are not supported ..." for an operator as the catalogue would name it; else empty.
std::string AdviceAbout(std::string_view op_type);

}  // namespace tilewright
