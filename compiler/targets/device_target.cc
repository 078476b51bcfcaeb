#include "compiler/targets/device_target.h"

#include <utility>

#include "base/status_macros.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/device_error.h"
#include "compiler/targets/support/gpu_text.h"

namespace tilewright {

absl::StatusOr<Target> DeviceTarget::Resolve(const Target& target) const {
  try {
    Target resolved = target;
    resolved.mcpu = kind_.resolve(target.mcpu, target.model);
    return resolved;
  } catch (const runtime::Error& error) {
    return StatusOf(error);
  }
}

absl::StatusOr<std::string> DeviceTarget::CompileLibrary(std::span<const Program> programs,
                                                         const Target& target,
                                                         const CompileOptions& options) const {
  TW_RETURN_IF_ERROR(CheckTileOps(programs, target));
  try {
    runtime::CompiledCode compiled = kind_.compile(ModuleText(programs, kind_), target.mcpu);
    if (options.assembly != nullptr) *options.assembly += compiled.listing;
    if (options.log != nullptr) *options.log += compiled.log;
    return std::move(compiled.code);
  } catch (const runtime::Error& error) {
    return StatusOf(error);
  }
}

}  // namespace tilewright
