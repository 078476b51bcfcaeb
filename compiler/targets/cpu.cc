#include "base/status_macros.h"
#include "compiler/loop/unroll.h"
#include "compiler/targets/support/link.h"
#include "compiler/targets/support/llvm_emit.h"
#include "compiler/targets/support/llvm_object.h"
#include "compiler/targets/support/llvm_target.h"
#include "compiler/targets/support/pack_stores.h"
#include "compiler/targets/target_backend.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

namespace tilewright {
namespace {

// Whether float16 and float32 are converted by instructions, in vectors too.
bool ConvertsFloat16(const llvm::TargetMachine& machine) {
  const llvm::Triple& triple = machine.getTargetTriple();
  return triple.isAArch64() ||
         (triple.isX86() && machine.getMCSubtargetInfo()->checkFeatures("+f16c"));
}

// The widest vectors that vpmaddwd takes; 0 on other architectures.
int PairBits(const llvm::TargetMachine& machine) {
  if (!machine.getTargetTriple().isX86()) return 0;
  const auto has = [&](const char* feature) {
    return machine.getMCSubtargetInfo()->checkFeatures(feature);
  };
  if (has("+avx512bw")) return 512;
  return has("+avx2") ? 256 : 128;
}

// The widest vectors that vpdpbusd, or usdot, takes; 0 without.
int QuadBits(const llvm::TargetMachine& machine) {
  const auto has = [&](const char* feature) {
    return machine.getMCSubtargetInfo()->checkFeatures(feature);
  };
  const llvm::Triple& triple = machine.getTargetTriple();
  if (triple.isAArch64()) return has("+i8mm") ? 128 : 0;
  if (!triple.isX86()) return 0;
  if (has("+avx512vnni") && has("+avx512vl")) return 512;
  return has("+avxvnni") ? 256 : 0;
}

// The widest vectors that vdpbf16ps takes; 0 without.
int FloatPairBits(const llvm::TargetMachine& machine) {
  if (!machine.getTargetTriple().isX86()) return 0;
  const llvm::MCSubtargetInfo& has = *machine.getMCSubtargetInfo();
  return has.checkFeatures("+avx512bf16") && has.checkFeatures("+avx512vl") ? 512 : 0;
}

std::unique_ptr<llvm::Module> EmptyModule(const std::string& name, llvm::LLVMContext& context,
                                          llvm::TargetMachine& machine) {
  auto module = std::make_unique<llvm::Module>(name, context);
  module->setTargetTriple(machine.getTargetTriple().str());
  module->setDataLayout(machine.createDataLayout());
  return module;
}

EmitOptions EmitOptionsOf(const llvm::TargetMachine& machine, const CpuTraits& traits,
                          Optimize optimize) {
  return {.vector_bits = traits.vector_bits,
          .optimize = optimize,
          .masked_memory = machine.getTargetTriple().isX86() && traits.vector_bits >= 256,
          .converts_float16 = ConvertsFloat16(machine),
          .pair_bits = PairBits(machine),
          .quad_bits = QuadBits(machine),
          .float_pair_bits = FloatPairBits(machine)};
}

// The optimised module of one program.
std::unique_ptr<llvm::Module> MakeModule(const Program& program, const EmitOptions& options,
                                         llvm::LLVMContext& context, llvm::TargetMachine& machine) {
  auto module = EmptyModule(program.name, context, machine);
  EmitProgram(UnrollLoops(program), options, *module);
  if (!HasVectorLoops(program)) {
    RunPasses(*module, machine, LlvmPasses::kDefault);
    return module;
  }
  RunPasses(*module, machine, LlvmPasses::kExplicit);
  if (PairBits(machine) == 512) {
    for (llvm::Function& function : *module) PackStores(function);
  }
  return module;
}

class CpuBackend final : public TargetBackend {
 public:
  std::string_view Summary() const override {
    return "any CPU that LLVM knows: x86-64 with AVX2 or AVX-512, AArch64, ...";
  }

  std::string Found() const override {
    const absl::StatusOr<Target> host = ResolveCpu({});
    return host.ok() ? "this machine is " + ToString(*host) : std::string(host.status().message());
  }

  absl::StatusOr<Target> Resolve(const Target& target) const override { return ResolveCpu(target); }

  // One module and one object for each program, so that each gets the passes it needs.
  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                             const Target& target,
                                             const CompileOptions& options) const override {
    TW_ASSIGN_OR_RETURN(const auto machine, MakeTargetMachine(target, options.optimize));
    const EmitOptions emit = EmitOptionsOf(*machine, TraitsOf(target), options.optimize);
    std::vector<std::string> objects;
    for (const Program& program : programs) {
      llvm::LLVMContext context;
      const auto module = MakeModule(program, emit, context, *machine);
      TW_RETURN_IF_ERROR(Dump(*module, *machine, options));
      TW_ASSIGN_OR_RETURN(objects.emplace_back(), EmitObject(*module, *machine));
    }
    if (programs.empty()) {  // a library of nothing is for a machine too
      llvm::LLVMContext context;
      const auto module = EmptyModule("nothing", context, *machine);
      TW_ASSIGN_OR_RETURN(objects.emplace_back(), EmitObject(*module, *machine));
    }
    return LinkShared(objects);
  }

 private:
  static absl::Status Dump(const llvm::Module& module, llvm::TargetMachine& machine,
                           const CompileOptions& options) {
    if (options.ir != nullptr) llvm::raw_string_ostream(*options.ir) << module;
    if (options.assembly == nullptr) return absl::OkStatus();
    TW_ASSIGN_OR_RETURN(const std::string text, EmitAssembly(*llvm::CloneModule(module), machine));
    *options.assembly += text;
    return absl::OkStatus();
  }
};

}  // namespace

const TargetBackend& cpu() {
  static const CpuBackend backend;
  return backend;
}

}  // namespace tilewright
