// CUDA C++ to machine code by NVRTC, which is loaded when first used (no toolkit is needed to
// build). Everything throws Error UNAVAILABLE when there is no NVRTC, with the loader's reason.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace tilewright::runtime {

// What a build gives: machine code for exactly one architecture, PTX for it and newer ones, and
// the log, where registers and spills are reported.
struct CudaCode {
  std::string cubin, ptx, log;
};

bool HasNvrtc();
// "13.0".
std::string NvrtcVersion();
// "sm_75", ... that this NVRTC compiles for.
std::vector<std::string> NvrtcArchitectures();

// UNAVAILABLE also when NVRTC does not know `arch`; INTERNAL with the compiler's messages when the
// text does not compile.
CudaCode CompileCuda(const std::string& text, const std::string& arch);

}  // namespace tilewright::runtime
