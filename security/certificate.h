// X.509 certificates of a farm: its own authority signs one for each holder (EC P-256, SHA-256).
// Only a server's certificate may be a TLS server's, only the others' a TLS client's, so that a
// stolen worker's cannot pose as the server. Pure functions of texts and times; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "security/identity.h"

namespace tilewright {

// PEM texts. The key is a secret.
struct CertificateAndKey {
  std::string certificate, key;
};

struct Validity {
  int64_t from = 0;  // unix seconds
  int days = 365;
};

// A certificate that signs others; `farm` is its common name, at most 64 bytes.
absl::StatusOr<CertificateAndKey> MakeAuthority(const std::string& farm, const Validity& validity);

struct CertificateRequest {
  Identity identity;
  // Host names and addresses under which a server is reached; others have none.
  std::vector<std::string> hosts;
  Validity validity;
};
// InvalidArgument for an identity or hosts that cannot be, a key that is not the authority's, and
// more days than the authority has left.
absl::StatusOr<CertificateAndKey> IssueCertificate(const CertificateAndKey& authority,
                                                   const CertificateRequest& request);

struct CertificateFacts {
  Identity identity;
  std::string serial;                     // hexadecimal
  int64_t not_before = 0, not_after = 0;  // unix seconds
};
// InvalidArgument for a text that is no certificate of a farm.
absl::StatusOr<CertificateFacts> ReadCertificate(const std::string& pem);

// InvalidArgument when `authority` (PEM) has not signed the certificate.
absl::Status CheckSignedBy(const std::string& certificate, const std::string& authority);
// InvalidArgument when the private key is not the certificate's.
absl::Status CheckKeyFits(const std::string& certificate, const std::string& key);

// "2026-11-26 09:31:02 UTC".
std::string TimeText(int64_t unix_time);

}  // namespace tilewright
