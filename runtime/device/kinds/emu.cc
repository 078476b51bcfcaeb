// The emulator: kernels as printed for GPUs, compiled for this machine against a prelude that
// checks every access (runtime/device/emulator). What it runs is what a GPU of the architecture
// would be given, tensor cores and asynchronous copies included. For checking; it is never timed.
#include "runtime/device/device_kind.h"
#include "runtime/device/emulator/prelude.h"
#include "runtime/device/emulator_device.h"
#include "runtime/device/gpu_models.h"
#include "runtime/device/host_compiler.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

std::string Found() {
  try {
    return "kernels compiled by " + HostCompiler();
  } catch (const Error& error) {
    return error.what();
  }
}

std::string Resolve(std::string_view arch, std::string_view model) {
  return ArchitectureNumberOf(arch, model) == 0 ? "sm_90" : std::string(arch);
}

CompiledCode Compile(const std::string& text, const std::string&) {
  return {.code = CompileOnHost(text), .listing = text, .log = ""};
}

std::unique_ptr<Device> Open(size_t seed) { return OpenEmulator(seed); }

}  // namespace

const DeviceDriver& emu_driver() {
  static const DeviceDriver driver = {.name = "emu",
                                      .code_file = "mod.emu.so",
                                      .timed = false,
                                      .survey = SurveyEmulator,
                                      .open = Open};
  return driver;
}

const DeviceKind& emu() {
  static const DeviceKind kind = {.driver = &emu_driver(),
                                  .summary = "checks kernels for GPUs on this CPU: emu -arch=sm_90",
                                  .found = Found,
                                  .resolve = Resolve,
                                  .traits = TraitsOfModel,
                                  .architecture = ArchitectureNumberOf,
                                  .tiles = TileForm::kEmulator,
                                  .prelude = EmulatorPrelude(),
                                  .pipeline_prelude = EmulatorPipelinePrelude(),
                                  .compile = Compile};
  return kind;
}

}  // namespace tilewright::runtime
