// Owners of OpenSSL's objects, and its errors as statuses.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tilewright {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using BignumPtr = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using RevocationPtr = std::unique_ptr<X509_CRL, OpensslFree<X509_CRL_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>>;

// The first of the thread's queued errors, "no detail" without one; empties the queue.
std::string OpensslErrorText();

// Internal: "WHAT: the library's reason".
absl::Status OpensslError(std::string_view what);

// Of PEM texts; InvalidArgument when the text holds none. `what` names it in the error.
absl::StatusOr<CertificatePtr> ReadCertificatePem(const std::string& pem, std::string_view what);
// Also of a key with a passphrase: InvalidArgument, nobody is asked for it.
absl::StatusOr<KeyPtr> ReadKeyPem(const std::string& pem, std::string_view what);

// What `write` puts into a memory file; Internal when it returns false.
template <typename Write>
absl::StatusOr<std::string> WritePem(const Write& write) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory || !write(memory.get())) return OpensslError("cannot encode as PEM");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

// "3fa9..." in lower case, without leading zeros; REQUIRES: a serial of at most 20 bytes.
std::string SerialText(const ASN1_INTEGER* serial);

// Unix seconds; 0 for a time that cannot be read.
int64_t UnixTimeOf(const ASN1_TIME* time);

}  // namespace tilewright
