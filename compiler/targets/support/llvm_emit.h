// Loop programs to LLVM IR.
#pragma once

#include "compiler/loop/stmt.h"
#include "compiler/targets/target_backend.h"
#include "llvm/IR/Module.h"

namespace tilewright {

struct EmitOptions {
  int vector_bits = 256;  // of the target's registers
  Optimize optimize = Optimize::kFull;
  bool masked_memory = false;     // has masked vector loads and stores of 4 and 8 bytes (AVX)
  bool converts_float16 = false;  // has conversions between float16 and float32 (F16C, AArch64)
  int pair_bits = 0;              // widest x86 vectors whose pairs of int16 multiply-add; 0: none
  int quad_bits = 0;              // widest vectors of vpdpbusd, or usdot's 128; 0: none
  int float_pair_bits = 0;        // widest vectors of vdpbf16ps; 0: none
};

// Adds the exported function `program.name` (calling convention: target_backend.h) and the
// internal one with the loops, whose pointer arguments are noalias and 64-byte aligned.
// REQUIRES: the program is verified and its unrolled loops are expanded.
void EmitProgram(const Program& program, const EmitOptions& options, llvm::Module& module);

// True when the program says itself what is a vector, so that LLVM need not look for them.
bool HasVectorLoops(const Program& program);

}  // namespace tilewright
