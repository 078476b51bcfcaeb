// What a device or its compiler throws, as a status.
#pragma once

#include "absl/status/status.h"
#include "runtime/error.h"

namespace tilewright {

inline absl::Status StatusOf(const runtime::Error& error) {
  switch (error.code()) {
    case TW_UNAVAILABLE: return absl::UnavailableError(error.what());
    case TW_INVALID_ARGUMENT:
    case TW_BAD_PACKAGE: return absl::InvalidArgumentError(error.what());
    default: return absl::InternalError(error.what());
  }
}

}  // namespace tilewright
