// Object files to a shared library, by LLD inside this process.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

// ELF shared library bytes that need libm.so.6 and export every global symbol. Objects must be of
// one machine, which need not be this one. Thread-safe; one link at a time, for LLD keeps global
// state. Internal with the linker's messages when it fails.
absl::StatusOr<std::string> LinkShared(std::span<const std::string> objects);

}  // namespace tilewright
