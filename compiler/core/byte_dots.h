// Which CPUs multiply bytes four at a time.
#pragma once

#include "compiler/core/target.h"

namespace tilewright {

// Whether the CPU has an instruction that adds four products of an unsigned and a signed byte to
// each int32 of a vector: vpdpbusd (AVX512_VNNI, AVX-VNNI) or usdot (AArch64 with I8MM). By mcpu
// and mattr alone, no LLVM needed; false of GPUs. Pure; thread-safe.
bool HasByteDots(const Target& target);

}  // namespace tilewright
