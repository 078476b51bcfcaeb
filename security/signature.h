// Hashes of contents, and detached signatures by the key of a certificate: who has made this?
// Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tilewright {

// SHA-256 (FIPS 180-4) in lower-case hexadecimal digits. Internal when OpenSSL fails.
absl::StatusOr<std::string> Sha256Hex(std::string_view message);

// ECDSA with SHA-256 by a private key in PEM; DER bytes. InvalidArgument for a text that is no key.
absl::StatusOr<std::string> Sign(const std::string& key, std::string_view message);

// InvalidArgument unless the private key of this certificate (PEM) has made the signature.
// Whether the certificate is to be trusted is another question (CheckSignedBy).
absl::Status CheckSignature(const std::string& certificate, std::string_view message,
                            std::string_view signature);

}  // namespace tilewright
