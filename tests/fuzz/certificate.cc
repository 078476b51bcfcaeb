// Certificates, identities and lists of the revoked.
#include "security/certificate.h"

#include "security/identity.h"
#include "security/revocation.h"
#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

const CertificateAndKey& Authority() {
  static const auto* authority = new CertificateAndKey(MakeAuthority("farm", {}).value());
  return *authority;
}

}  // namespace

FuzzTarget certificate() {
  return {{Authority().certificate, MakeRevocationList(Authority(), {"01", "AB"}, 1000).value(),
           UriOf({Role::kWorker, "one", {"xeon", "gpu"}})},
          [](std::string_view bytes) {
            const std::string text(bytes);
            const bool facts = ReadCertificate(text).ok();
            const bool list = ReadRevocationList(text, Authority().certificate).ok();
            const bool is_signed = CheckSignedBy(text, Authority().certificate).ok();
            return ParseIdentityUri(text).ok() || facts || list || is_signed;
          }};
}

}  // namespace tilewright
