// LLVM modules to optimised object files.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/targets/target_backend.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace tilewright {

// Which passes run before instruction selection.
enum class LlvmPasses {
  kExplicit,  // a short list for programs whose vectors and unrolling are already spelled out
  kDefault,   // LLVM's -O2, which looks for vectors itself
};

void RunPasses(llvm::Module& module, llvm::TargetMachine& machine, LlvmPasses which);

// ELF object bytes, or assembly text. The module is spent: code generation rewrites it.
absl::StatusOr<std::string> EmitObject(llvm::Module& module, llvm::TargetMachine& machine);
absl::StatusOr<std::string> EmitAssembly(llvm::Module& module, llvm::TargetMachine& machine);

}  // namespace tilewright
