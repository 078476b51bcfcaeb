// A farm's certificate authority in a folder of its own:
//   ca.pem           its certificate
//   ca.key           its private key (mode 0600): whoever has it can make any certificate
//   crl.pem          what is revoked
//   issued/*.pem     every certificate it has signed, by serial
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "security/certificate.h"

namespace tilewright {

class Authority {
 public:
  // AlreadyExists when the folder holds one; PermissionDenied when it cannot be written.
  static absl::StatusOr<Authority> Create(const std::string& folder, const std::string& farm,
                                          const Validity& validity);
  // NotFound without one.
  static absl::StatusOr<Authority> Open(const std::string& folder);

  // Writes a folder of credentials (credentials.h), its key with mode 0600; for a server with the
  // revocation list. AlreadyExists when `output` holds some; statuses as of IssueCertificate.
  absl::StatusOr<CertificateFacts> Issue(const CertificateRequest& request,
                                         const std::string& output);
  // Revokes every certificate of a holder that is not revoked yet; returns those. NotFound names
  // holders when there is none of this name.
  absl::StatusOr<std::vector<CertificateFacts>> Revoke(const std::string& name, int64_t now);

  std::string revocation_path() const { return folder_ + "/crl.pem"; }

 private:
  Authority(std::string folder, CertificateAndKey pair)
      : folder_(std::move(folder)), pair_(std::move(pair)) {}
  absl::StatusOr<std::vector<CertificateFacts>> Issued() const;

  std::string folder_;
  CertificateAndKey pair_;
};

}  // namespace tilewright
