// Signatures by a secret that both ends know.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tilewright {

// HMAC-SHA256 (RFC 2104, FIPS 180-4) in lower-case hexadecimal digits. Internal when OpenSSL fails.
absl::StatusOr<std::string> HmacSha256Hex(std::string_view secret, std::string_view message);

}  // namespace tilewright
