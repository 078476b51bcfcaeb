#include "security/hmac.h"

#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "security/openssl.h"

namespace tilewright {

absl::StatusOr<std::string> HmacSha256Hex(std::string_view secret, std::string_view message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes, message.size(),
           digest, &size) == nullptr) {
    return OpensslError("cannot sign");
  }
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

}  // namespace tilewright
