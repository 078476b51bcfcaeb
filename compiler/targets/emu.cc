// The emulator: kernels as printed for GPUs, compiled for this machine against a prelude that
// checks every access (runtime/device/emulator). What it runs is what a GPU of the architecture
// would be given, tensor cores and asynchronous copies included. For checking; it is never timed.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/support/host_compiler.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {
namespace {

class EmulatorBackend final : public TargetBackend {
 public:
  std::string_view Summary() const override {
    return "checks kernels for GPUs on this CPU: emu -arch=sm_90";
  }

  std::string Found() const override {
    const absl::StatusOr<std::string> compiler = HostCompiler();
    if (!compiler.ok()) return std::string(compiler.status().message());
    return absl::StrCat("kernels compiled by ", *compiler);
  }

  absl::StatusOr<Target> Resolve(const Target& target) const override {
    Target resolved = target;
    if (ArchitectureNumber(resolved) == 0) resolved.mcpu = "sm_90";
    return resolved;
  }

  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                             const Target& target,
                                             const CompileOptions& options) const override {
    TW_RETURN_IF_ERROR(CheckTileOps(programs, target));
    const std::string text = ModuleText(programs, CLanguage::kEmulator);
    if (options.assembly != nullptr) *options.assembly += text;
    return CompileOnHost(text);
  }
};

}  // namespace

const TargetBackend& emu() {
  static const EmulatorBackend backend;
  return backend;
}

}  // namespace tilewright
