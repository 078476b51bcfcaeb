#include "runtime/device/device_kind.h"

namespace tilewright::runtime {

#define ENTRY(name) const DeviceKind& name();
#include "device_kinds.inc"
#undef ENTRY

const std::vector<const DeviceKind*>& DeviceKinds() {
  static const std::vector<const DeviceKind*> kinds = {
#define ENTRY(name) &name(),
#include "device_kinds.inc"
#undef ENTRY
  };
  return kinds;
}

const DeviceKind* FindDeviceKind(std::string_view name) {
  for (const DeviceKind* kind : DeviceKinds()) {
    if (kind->name() == name) return kind;
  }
  return nullptr;
}

}  // namespace tilewright::runtime
