// CUDA C++ to machine code by NVRTC, which is loaded when first used (no toolkit is needed to
// build).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// What a build gives: machine code for exactly one architecture, PTX for it and newer ones, and
// the log, where registers and spills are reported.
struct CudaCode {
  std::string cubin, ptx, log;
};

// "13.0". Unavailable when there is no NVRTC, with the loader's reason.
absl::StatusOr<std::string> NvrtcVersion();
// "sm_75", ... that this NVRTC compiles for. Unavailable as above.
absl::StatusOr<std::vector<std::string>> NvrtcArchitectures();

// Unavailable when there is no NVRTC or it does not know `arch`; Internal with the compiler's
// messages when the text does not compile. Thread-safe.
absl::StatusOr<CudaCode> CompileCuda(const std::string& text, const std::string& arch);

}  // namespace tilewright
