// Object files to a shared library, by LLD inside this process.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

// ELF shared library bytes that need libm.so.6 and export every global symbol. Objects, at least
// one, must be of one machine, which need not be this one. Writes no file. Thread-safe; one link at
// a time, for LLD keeps global state. Internal with the linker's messages when it fails;
// ResourceExhausted when the system gives no memory, Unavailable after a crash of the linker in
// this process.
absl::StatusOr<std::string> LinkShared(std::span<const std::string> objects);

}  // namespace tilewright
