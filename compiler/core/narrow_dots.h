// Which CPUs multiply narrow numbers several at a time.
#pragma once

#include "compiler/core/target.h"

namespace tilewright {

// Whether the CPU has an instruction that adds four products of an unsigned and a signed byte to
// each int32 of a vector: vpdpbusd (AVX512_VNNI, AVX-VNNI) or usdot (AArch64 with I8MM). By mcpu
// and mattr alone, no LLVM needed; false of GPUs. Pure; thread-safe.
bool HasByteDots(const Target& target);

// Whether the CPU puts the 64 bytes of a vector in any order by one instruction: vpermb
// (AVX512_VBMI). As HasByteDots otherwise.
bool HasByteShuffles(const Target& target);

// Whether adding two products of bfloat16 to each float32 of a vector is faster than two
// multiply-adds of float32: vdpbf16ps of Zen 4 (twice as fast, measured) and 5, and wherever the
// feature avx512bf16 is named. Not of Intel's cores by name, whose vdpbf16ps takes four times as
// long as a multiply-add (measured on Emerald Rapids). As HasByteDots otherwise.
bool HasBFloat16Dots(const Target& target);

}  // namespace tilewright
