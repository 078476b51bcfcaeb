#include "compiler/core/gpu_traits.h"

#include "base/check.h"
#include "runtime/device/device_kind.h"

namespace tilewright {

int ArchitectureNumber(const Target& target) {
  const runtime::DeviceKind* kind = runtime::FindDeviceKind(target.kind);
  const bool known = kind != nullptr && kind->architecture != nullptr;
  return known ? kind->architecture(target.mcpu, target.model) : 0;
}

GpuTraits GpuTraitsOf(const Target& target) {
  const runtime::DeviceKind* kind = runtime::FindDeviceKind(target.kind);
  TW_CHECK(kind != nullptr) << target.kind;
  return kind->traits(target.mcpu, target.model);
}

}  // namespace tilewright
