#include <memory>

#include "compiler/core/status_macros.h"
#include "compiler/loop/unroll.h"
#include "compiler/targets/support/link.h"
#include "compiler/targets/support/llvm_emit.h"
#include "compiler/targets/support/llvm_object.h"
#include "compiler/targets/support/llvm_target.h"
#include "compiler/targets/target_backend.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace tilewright {
namespace {

class CpuBackend final : public TargetBackend {
 public:
  std::string_view Summary() const override {
    return "any CPU that LLVM knows: x86-64 with AVX2 or AVX-512, AArch64, ...";
  }

  absl::StatusOr<Target> Resolve(const Target& target) const override {
    return ResolveCpu(target);
  }

  // One module and one object for each program, so that each gets the passes it needs.
  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                             const Target& target,
                                             const CompileOptions& options) const override {
    TW_ASSIGN_OR_RETURN(const auto machine, MakeTargetMachine(target, options.optimize));
    const EmitOptions emit{.vector_bits = TraitsOf(target).vector_bits,
                           .optimize = options.optimize};
    std::vector<std::string> objects;
    for (const Program& program : programs) {
      TW_ASSIGN_OR_RETURN(objects.emplace_back(), CompileOne(program, emit, *machine, options));
    }
    return LinkShared(objects);
  }

 private:
  static absl::StatusOr<std::string> CompileOne(const Program& program, const EmitOptions& emit,
                                                llvm::TargetMachine& machine,
                                                const CompileOptions& options) {
    llvm::LLVMContext context;
    llvm::Module module(program.name, context);
    module.setTargetTriple(machine.getTargetTriple().str());
    module.setDataLayout(machine.createDataLayout());
    EmitProgram(UnrollLoops(program), emit, module);
    RunPasses(module, machine,
              HasVectorLoops(program) ? Pipeline::kExplicit : Pipeline::kDefault);
    if (options.ir != nullptr) {
      llvm::raw_string_ostream(*options.ir) << module;
    }
    if (options.assembly != nullptr) {
      TW_ASSIGN_OR_RETURN(const std::string text,
                          EmitAssembly(*llvm::CloneModule(module), machine));
      *options.assembly += text;
    }
    return EmitObject(module, machine);
  }
};

}  // namespace

const TargetBackend& cpu() {
  static const CpuBackend backend;
  return backend;
}

}  // namespace tilewright
