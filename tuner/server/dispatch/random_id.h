// Names that nobody can guess.
#pragma once

#include <cstddef>
#include <string>

namespace tilewright {

// So many bytes of the kernel's random numbers (getrandom) as hexadecimal digits. Thread-safe.
std::string RandomHex(size_t bytes);

}  // namespace tilewright
