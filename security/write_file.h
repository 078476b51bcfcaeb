// A small file that is there whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace tilewright {

// Written beside its name, synced, renamed: a reader sees the old file or the new one.
// PermissionDenied says what failed, whatever it was; then there is only the old one.
absl::Status WriteFile(const std::string& path, const std::string& text, mode_t mode);

}  // namespace tilewright
