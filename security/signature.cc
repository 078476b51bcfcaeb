#include "security/signature.h"

#include <openssl/err.h>

#include <memory>

#include "absl/strings/escaping.h"
#include "base/status_macros.h"
#include "security/openssl.h"

namespace tilewright {
namespace {

using DigestPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX_free>>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

absl::StatusOr<std::string> Sha256Hex(std::string_view message) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(message.data(), message.size(), digest, &size, EVP_sha256(), nullptr) != 1) {
    return OpensslError("cannot hash");
  }
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

absl::StatusOr<std::string> Sign(const std::string& key, std::string_view message) {
  TW_ASSIGN_OR_RETURN(const KeyPtr secret, ReadKeyPem(key, "the key"));
  const DigestPtr context(EVP_MD_CTX_new());
  size_t size = 0;
  const bool sized =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, secret.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) == 1;
  if (!sized) return OpensslError("cannot sign");
  std::string signature(size, '\0');
  auto* out = reinterpret_cast<unsigned char*>(signature.data());
  if (EVP_DigestSign(context.get(), out, &size, Bytes(message), message.size()) != 1) {
    return OpensslError("cannot sign");
  }
  signature.resize(size);  // what was asked for first is the most it can have
  return signature;
}

absl::Status CheckSignature(const std::string& certificate, std::string_view message,
                            std::string_view signature) {
  TW_ASSIGN_OR_RETURN(const CertificatePtr holder,
                      ReadCertificatePem(certificate, "the certificate"));
  EVP_PKEY* key = X509_get0_pubkey(holder.get());
  const DigestPtr context(EVP_MD_CTX_new());
  const bool good = key && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                                     Bytes(message), message.size()) == 1;
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError("the signature is not that of the certificate's key");
}

}  // namespace tilewright
