// NVIDIA GPUs: CUDA C++ compiled by NVRTC.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/gpu_models.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/support/nvrtc.h"
#include "compiler/targets/target_backend.h"
#include "runtime/device/device.h"

namespace tilewright {
namespace {

// The oldest architecture that NVRTC 13 compiles for; what is compiled for it runs as PTX on all
// newer ones.
constexpr char kOldest[] = "sm_75";

std::string ArchitectureOf(const Target& target) {
  const std::string_view arch = ArchitectureOfModel(target.model);
  if (!arch.empty()) return std::string(arch);
  const runtime::DeviceSurvey survey = runtime::SurveyDevices("cuda");
  return survey.devices.empty() ? kOldest : survey.devices[0].arch;
}

bool IsArchitecture(const std::string& arch) {
  if (!absl::StartsWith(arch, "sm_")) return false;
  const std::string digits = arch.substr(3, arch.size() - 3 - arch.ends_with('a'));
  return digits.size() >= 2 && digits.size() <= 3 &&
         digits.find_first_not_of("0123456789") == std::string::npos;
}

// With what only this architecture has, code is for it alone ("sm_90a").
std::string ArchitectureFor(std::span<const Program> programs, const Target& target) {
  bool alone = false;
  for (const TileOp* op : TileOpsOf(programs)) alone = alone || op->last_architecture;
  return alone && !target.mcpu.ends_with('a') ? target.mcpu + "a" : target.mcpu;
}

class CudaBackend final : public TargetBackend {
 public:
  std::string_view Summary() const override { return "NVIDIA GPUs from sm_75: cuda -arch=sm_90"; }

  std::string Found() const override {
    const runtime::DeviceSurvey survey = runtime::SurveyDevices("cuda");
    std::string text;
    for (const runtime::DeviceInfo& device : survey.devices) {
      absl::StrAppend(&text, device.name, " (", device.arch, ", driver ", device.driver, "); ");
    }
    if (survey.devices.empty()) text = survey.missing + "; ";
    const absl::StatusOr<std::string> version = NvrtcVersion();
    if (!version.ok()) return text + std::string(version.status().message());
    return absl::StrCat(text, "NVRTC ", *version, " compiles for ",
                        absl::StrJoin(NvrtcArchitectures().value(), " "));
  }

  absl::StatusOr<Target> Resolve(const Target& target) const override {
    Target resolved = target;
    if (resolved.mcpu.empty() || resolved.mcpu == "native") resolved.mcpu = ArchitectureOf(target);
    if (IsArchitecture(resolved.mcpu)) return resolved;
    return absl::InvalidArgumentError(
        absl::StrCat("unknown CUDA architecture \"", resolved.mcpu, "\"; write -arch=sm_90"));
  }

  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                             const Target& target,
                                             const CompileOptions& options) const override {
    TW_RETURN_IF_ERROR(CheckTileOps(programs, target));
    const std::string text = ModuleText(programs, CLanguage::kCuda);
    TW_ASSIGN_OR_RETURN(CudaCode code, CompileCuda(text, ArchitectureFor(programs, target)));
    if (options.assembly != nullptr) *options.assembly += code.ptx;
    if (options.log != nullptr) *options.log += code.log;
    return std::move(code.cubin);
  }
};

}  // namespace

const TargetBackend& cuda() {
  static const CudaBackend backend;
  return backend;
}

}  // namespace tilewright
