// OpenCL C 1.2: modules are source text that the device's driver compiles when they are loaded.
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/target_backend.h"
#include "runtime/device/device.h"

namespace tilewright {
namespace {

class OpenClBackend final : public TargetBackend {
 public:
  std::string_view Summary() const override {
    return "any OpenCL 1.2 device: GPUs, and CPUs through PoCL";
  }

  std::string Found() const override {
    const runtime::DeviceSurvey survey = runtime::SurveyDevices("opencl");
    std::string text;
    for (const runtime::DeviceInfo& device : survey.devices) {
      absl::StrAppend(&text, text.empty() ? "" : "; ", device.name, " (", device.driver, ", ",
                      device.compute_units, " units, ", device.shared_bytes >> 10,
                      " KiB local memory)");
    }
    return survey.devices.empty() ? survey.missing + "; compiles for other machines" : text;
  }

  absl::StatusOr<Target> Resolve(const Target& target) const override { return target; }

  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs, const Target&,
                                             const CompileOptions& options) const override {
    if (const std::vector<const TileOp*> tiles = TileOpsOf(programs); !tiles.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("OpenCL C has no form of ", Sv(tiles.front()->name),
                       ": tensor cores are of cuda targets alone"));
    }
    std::string text = ModuleText(programs, CLanguage::kOpenCl);
    if (options.assembly != nullptr) *options.assembly += text;
    return text;
  }
};

}  // namespace

const TargetBackend& opencl() {
  static const OpenClBackend backend;
  return backend;
}

}  // namespace tilewright
