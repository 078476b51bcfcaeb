// C++ to a shared library by this machine's compiler, which nothing but the emulator needs.
#pragma once

#include <string>

namespace tilewright::runtime {

// "/usr/bin/c++". Throws Error UNAVAILABLE, with what to install, when there is none.
std::string HostCompiler();

// The ELF bytes of a library. Throws Error UNAVAILABLE as above; INTERNAL with the compiler's
// messages when the text does not compile. Thread-safe.
std::string CompileOnHost(const std::string& text);

}  // namespace tilewright::runtime
