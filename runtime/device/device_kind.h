// A kind of device other than the CPU, whole: what a target of it may say, what schedules may
// assume of it, the language in which its kernels are printed, who compiles them and who runs them.
// Each is one file, runtime/device/kinds/NAME.cc, that gives `const DeviceKind& NAME()` and, for
// programs that only run, `const DeviceDriver& NAME_driver()`. Targets, devices and packages bear
// its name. A value; its functions are thread-safe and throw Error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/device/device_driver.h"
#include "runtime/device/gpu_traits.h"

namespace tilewright::runtime {

// Which form tile instructions (compiler/loop/tile.h) have in kernel text.
enum class TileForm {
  kNone,
  kPtx,       // inline PTX
  kEmulator,  // asked of the emulator
};

struct CompiledCode {
  std::string code;     // what the driver loads
  std::string listing;  // for people: PTX, or the text itself
  std::string log;      // the compiler's remarks
};

// `arch` and `model` are what a target says by -arch= and -model=, "" where it does not.
struct DeviceKind {
  const DeviceDriver* driver = nullptr;
  std::string_view summary;          // a line of `tilewright targets`
  std::string (*found)() = nullptr;  // what of it this machine has, and what is missing
  // The architecture that is compiled for. INVALID_ARGUMENT says how one is written.
  std::string (*resolve)(std::string_view arch, std::string_view model) = nullptr;
  GpuTraits (*traits)(std::string_view arch, std::string_view model) = nullptr;
  // NVIDIA's, 90 of sm_90: which tile instructions there are. Null: none.
  int (*architecture)(std::string_view arch, std::string_view model) = nullptr;
  TileForm tiles = TileForm::kNone;
  // What kernel text is written against (compiler/targets/support/c_prelude.h says what it needs),
  // and what follows it where float64 is used.
  std::string_view prelude, double_prelude;
  // What pipelines of slots are written against (compiler/targets/support/c_pipeline.h), tile
  // instructions of warpgroups and boxes too; "": none can be.
  std::string_view pipeline_prelude;
  // UNAVAILABLE when what compiles for it is missing here, INTERNAL with the compiler's messages
  // when the text does not compile.
  CompiledCode (*compile)(const std::string& text, const std::string& arch) = nullptr;

  std::string_view name() const { return driver->name; }
};

// Every kind, by name.
const std::vector<const DeviceKind*>& DeviceKinds();
// Null when there is none of that name.
const DeviceKind* FindDeviceKind(std::string_view name);

}  // namespace tilewright::runtime
