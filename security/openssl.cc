#include "security/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace tilewright {
namespace {

int NoPassphrase(char*, int, int, void*) { return -1; }

BioPtr Reading(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

std::string OpensslErrorText() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no detail";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : absl::StrCat("error ", code);
}

absl::Status OpensslError(std::string_view what) {
  return absl::InternalError(absl::StrCat(Sv(what), ": ", OpensslErrorText()));
}

absl::StatusOr<CertificatePtr> ReadCertificatePem(const std::string& pem, std::string_view what) {
  const BioPtr in = Reading(pem);
  CertificatePtr certificate(in ? PEM_read_bio_X509(in.get(), nullptr, NoPassphrase, nullptr)
                                : nullptr);
  if (certificate) return certificate;
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(Sv(what), " holds no certificate in PEM"));
}

absl::StatusOr<KeyPtr> ReadKeyPem(const std::string& pem, std::string_view what) {
  const BioPtr in = Reading(pem);
  KeyPtr key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassphrase, nullptr) : nullptr);
  if (key) return key;
  ERR_clear_error();
  return absl::InvalidArgumentError(
      absl::StrCat(Sv(what), " holds no private key in PEM without a passphrase"));
}

std::string SerialText(const ASN1_INTEGER* serial) {
  const BignumPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* hex = number ? BN_bn2hex(number.get()) : nullptr;
  std::string text = hex ? absl::AsciiStrToLower(hex) : "";
  OPENSSL_free(hex);
  const size_t first = text.find_first_not_of('0');
  return first == text.npos ? "0" : text.substr(first);
}

int64_t UnixTimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<int64_t>(timegm(&parts));
}

}  // namespace tilewright
