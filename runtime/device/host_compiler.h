// C++ to a shared library by this machine's compiler, which nothing but the emulator needs.
#pragma once

#include <string>
#include <string_view>

namespace tilewright::runtime {

// "/usr/bin/c++". Throws Error UNAVAILABLE, with what to install, when there is none.
std::string HostCompiler();

// Kernel text's prelude (compiler/targets/support/c_prelude.h) as far as it is C++ for this
// machine: all but memory, threads and what a module exports. tw_run calls a kernel with what its
// operands are made from, in their order.
std::string_view HostPrelude();

// The ELF bytes of a library. Throws Error UNAVAILABLE as above; INTERNAL with the compiler's
// messages when the text does not compile. Thread-safe.
std::string CompileOnHost(const std::string& text);

}  // namespace tilewright::runtime
