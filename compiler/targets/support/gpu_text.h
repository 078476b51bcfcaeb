// Programs as the source of one GPU module.
#pragma once

#include <span>
#include <string>

#include "compiler/loop/stmt.h"
#include "runtime/device/device_kind.h"

namespace tilewright {

// The prelude and a kernel for each program, in the language of the kind of device.
// REQUIRES: verified programs with unique names.
std::string ModuleText(std::span<const Program> programs, const runtime::DeviceKind& kind);

}  // namespace tilewright
