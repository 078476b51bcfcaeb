// Operators of the user's own from a shared library (runtime/include/tilewright_operators.h).
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

// Whether a file of --operators is a library and no text.
bool IsLibrary(const std::string& path);

// The text that the library gives. Its code runs in a confined process of its own; what this
// machine lacks for that is said on stderr. Bad input when the library gives none, crashes or
// hangs.
absl::StatusOr<std::string> OperatorsOfLibrary(const std::string& path);

}  // namespace tilewright
