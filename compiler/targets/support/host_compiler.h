// C++ to a shared library by this machine's compiler, which only the emulator needs.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

// "/usr/bin/c++". Unavailable, with what to install, when there is none.
absl::StatusOr<std::string> HostCompiler();

// The ELF bytes of a library. Unavailable as above; Internal with the compiler's messages when the
// text does not compile. Thread-safe.
absl::StatusOr<std::string> CompileOnHost(const std::string& text);

}  // namespace tilewright
