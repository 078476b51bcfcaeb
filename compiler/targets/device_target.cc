#include "compiler/targets/device_target.h"

#include <utility>

#include "base/status_macros.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/device_error.h"
#include "compiler/targets/support/gpu_text.h"

namespace tilewright {
namespace {

// With what only this architecture has, code is for it alone ("sm_90a").
std::string ArchitectureFor(std::span<const Program> programs, const Target& target) {
  bool alone = false;
  for (const TileOp* op : TileOpsOf(programs)) alone = alone || op->last_architecture;
  return alone && !target.mcpu.ends_with('a') ? target.mcpu + "a" : target.mcpu;
}

}  // namespace

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
    runtime::CompiledCode compiled =
        kind_.compile(ModuleText(programs, kind_), ArchitectureFor(programs, target));
    if (options.assembly != nullptr) *options.assembly += compiled.listing;
    if (options.log != nullptr) *options.log += compiled.log;
    return std::move(compiled.code);
  } catch (const runtime::Error& error) {
    return StatusOf(error);
  }
}

}  // namespace tilewright
