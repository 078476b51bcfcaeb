// What one end of a connection shows and trusts: the same for servers, workers and clients. A
// folder holds
//   ca.pem    the farm's authority
//   cert.pem  the holder's certificate
//   key.pem   its private key, readable by its owner alone
//   crl.pem   revoked certificates (a server's; may be missing)
// as `tilewright certs issue` writes it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "security/certificate.h"

namespace tilewright {

struct Credentials {
  std::string folder;
  std::string authority;  // PEM
  CertificateAndKey own;  // PEM
  CertificateFacts facts;

  std::string revocation_path() const { return folder + "/crl.pem"; }
};

// Reads a folder and checks what can be checked without the other end, so that what is wrong is
// said before a handshake fails without a word: NotFound for a missing folder or file,
// PermissionDenied for a key that others may read, InvalidArgument for files that do not belong
// together, FailedPrecondition for a certificate that is not valid at `now` (unix seconds).
absl::StatusOr<Credentials> LoadCredentials(const std::string& folder, int64_t now);

// FailedPrecondition, saying what to do, when the certificate is not valid at `now`.
absl::Status CheckTime(const CertificateFacts& facts, int64_t now);

}  // namespace tilewright
