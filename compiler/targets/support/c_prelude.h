// What kernel text (c_text.h) is written against, in each language that compiles it.
#pragma once

#include <string>

namespace tilewright {

enum class CLanguage {
  kCuda,      // CUDA C++ for NVRTC, without any header
  kOpenCl,    // OpenCL C 1.2
  kEmulator,  // C++ for this machine, each access checked (runtime/device/emulator)
};

// Types, qualifiers, coordinates and functions: goes before the kernels. `doubles`: float64 is used
// (some OpenCL devices have none).
std::string PreludeOf(CLanguage language, bool doubles);

}  // namespace tilewright
