// What `tune` measures on when no farm does it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/target.h"

namespace tilewright {

struct TuneDevice {
  std::string option;  // of `worker --device`; empty: the CPU
  std::string name;    // as records name it
};

// `asked` is what the user named, "opencl:1"; empty: the first of the target's kind, or the CPU.
// Wrong usage: a device of another kind than the target, or threads, which a device has none of.
// Unavailable: this machine has no such device; says what it lacks and what works without.
absl::StatusOr<TuneDevice> DeviceToTuneOn(const Target& target, const std::string& asked,
                                          int threads);

}  // namespace tilewright
