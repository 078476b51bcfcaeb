#include "security/certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "security/openssl.h"

namespace tilewright {
namespace {

constexpr long kVersion3 = 2;
constexpr int kSerialBits = 127;  // positive, and within the 20 bytes of RFC 5280
constexpr int64_t kSecondsPerDay = 86'400;
// Of the certificate's begin: clocks of a farm's machines differ a little.
constexpr int64_t kClockSlack = 300;

bool IsAddress(const std::string& host) {
  return host.find(':') != host.npos || host.find_first_not_of("0123456789.") == host.npos;
}

absl::Status CheckHost(const std::string& host) {
  const bool plain = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == ':';
  });
  if (plain && !host.empty() && host.size() <= 253) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", Shown(host), "\" is neither a host's name nor an address"));
}

// "URI:tilewright://server/farm,DNS:farm,IP:10.0.0.5".
std::string AlternativeNames(const CertificateRequest& request) {
  std::string names = absl::StrCat("URI:", UriOf(request.identity));
  for (const std::string& host : request.hosts) {
    absl::StrAppend(&names, IsAddress(host) ? ",IP:" : ",DNS:", host);
  }
  return names;
}

class Draft {
 public:
  Draft() : certificate_(X509_new()), key_(EVP_EC_gen("P-256")) {}

  absl::Status Fill(const std::string& unit, const std::string& name, const Validity& validity) {
    const BignumPtr serial(BN_new());
    X509* x = certificate_.get();
    const bool ok =
        x && key_ && serial && X509_set_version(x, kVersion3) &&
        BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
        BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x)) &&
        ASN1_TIME_set(X509_getm_notBefore(x), validity.from - kClockSlack) &&
        ASN1_TIME_set(X509_getm_notAfter(x), validity.from + validity.days * kSecondsPerDay) &&
        AddName("O", "tilewright") && AddName("OU", unit) && AddName("CN", name) &&
        X509_set_pubkey(x, key_.get());
    return ok ? absl::OkStatus() : OpensslError("cannot fill in a certificate");
  }

  absl::Status Extend(X509* issuer, int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer ? issuer : certificate_.get(), certificate_.get(), nullptr,
                   nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    const bool ok = extension && X509_add_ext(certificate_.get(), extension, -1);
    X509_EXTENSION_free(extension);
    if (ok) return absl::OkStatus();
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat("a certificate cannot say ", value));
  }

  absl::StatusOr<CertificateAndKey> Sign(X509* issuer, EVP_PKEY* key) {
    X509* x = certificate_.get();
    const X509_NAME* name = X509_get_subject_name(issuer ? issuer : x);
    if (!X509_set_issuer_name(x, name) || !X509_sign(x, key ? key : key_.get(), EVP_sha256())) {
      return OpensslError("cannot sign a certificate");
    }
    CertificateAndKey made;
    TW_ASSIGN_OR_RETURN(made.certificate,
                        WritePem([&](BIO* out) { return PEM_write_bio_X509(out, x) == 1; }));
    TW_ASSIGN_OR_RETURN(made.key, WritePem([&](BIO* out) {
                          return PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0,
                                                          nullptr, nullptr) == 1;
                        }));
    return made;
  }

 private:
  bool AddName(const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate_.get()), field,
                                      MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  }

  CertificatePtr certificate_;
  KeyPtr key_;
};

absl::Status CheckRequest(const CertificateRequest& request, const X509* authority) {
  TW_RETURN_IF_ERROR(CheckIdentity(request.identity));
  for (const std::string& host : request.hosts) TW_RETURN_IF_ERROR(CheckHost(host));
  const bool is_server = request.identity.role == Role::kServer;
  if (request.hosts.empty() == is_server) {
    return absl::InvalidArgumentError(
        is_server ? "a server's certificate needs the host names under which it is reached"
                  : "only a server's certificate has host names");
  }
  const int64_t end = request.validity.from + request.validity.days * kSecondsPerDay;
  const int64_t limit = UnixTimeOf(X509_get0_notAfter(authority));
  if (request.validity.days >= 1 && end <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a certificate for ", request.validity.days, " days; the authority's own ends ",
      TimeText(limit), ": ask for 1 to ",
      std::max<int64_t>(0, (limit - request.validity.from) / kSecondsPerDay), " days"));
}

absl::StatusOr<Identity> IdentityOf(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> uris;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_STRING* text = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<size_t>(ASN1_STRING_length(text)));
  }
  if (uris.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a certificate with ", uris.size(), " URIs; one of a farm has one"));
  }
  return ParseIdentityUri(uris[0]);
}

}  // namespace

absl::StatusOr<CertificateAndKey> MakeAuthority(const std::string& farm, const Validity& validity) {
  if (farm.empty() || farm.size() > 64 || !IsUtf8(farm)) {
    return absl::InvalidArgumentError("the name of a farm is 1 to 64 bytes of UTF-8");
  }
  Draft draft;
  TW_RETURN_IF_ERROR(draft.Fill("authority", farm, validity));
  for (const auto& [id, value] : {std::pair(NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
                                  std::pair(NID_key_usage, "critical,keyCertSign,cRLSign"),
                                  std::pair(NID_subject_key_identifier, "hash")}) {
    TW_RETURN_IF_ERROR(draft.Extend(nullptr, id, value));
  }
  return draft.Sign(nullptr, nullptr);
}

absl::StatusOr<CertificateAndKey> IssueCertificate(const CertificateAndKey& authority,
                                                   const CertificateRequest& request) {
  TW_RETURN_IF_ERROR(CheckKeyFits(authority.certificate, authority.key));
  TW_ASSIGN_OR_RETURN(const CertificatePtr issuer,
                      ReadCertificatePem(authority.certificate, "the authority"));
  TW_ASSIGN_OR_RETURN(const KeyPtr key, ReadKeyPem(authority.key, "the authority's key"));
  TW_RETURN_IF_ERROR(CheckRequest(request, issuer.get()));
  const bool is_server = request.identity.role == Role::kServer;
  Draft draft;
  TW_RETURN_IF_ERROR(
      draft.Fill(NameOf(request.identity.role), request.identity.name, request.validity));
  const std::pair<int, std::string> extensions[] = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature"},
      {NID_ext_key_usage, is_server ? "serverAuth" : "clientAuth"},
      {NID_authority_key_identifier, "keyid:always"},
      {NID_subject_alt_name, AlternativeNames(request)}};
  for (const auto& [id, value] : extensions) {
    TW_RETURN_IF_ERROR(draft.Extend(issuer.get(), id, value));
  }
  return draft.Sign(issuer.get(), key.get());
}

absl::StatusOr<CertificateFacts> ReadCertificate(const std::string& pem) {
  TW_ASSIGN_OR_RETURN(const CertificatePtr certificate, ReadCertificatePem(pem, "the text"));
  CertificateFacts facts;
  TW_ASSIGN_OR_RETURN(facts.identity, IdentityOf(certificate.get()));
  facts.serial = SerialText(X509_get0_serialNumber(certificate.get()));
  facts.not_before = UnixTimeOf(X509_get0_notBefore(certificate.get()));
  facts.not_after = UnixTimeOf(X509_get0_notAfter(certificate.get()));
  return facts;
}

absl::Status CheckSignedBy(const std::string& certificate, const std::string& authority) {
  TW_ASSIGN_OR_RETURN(const CertificatePtr signed_one,
                      ReadCertificatePem(certificate, "the certificate"));
  TW_ASSIGN_OR_RETURN(const CertificatePtr issuer, ReadCertificatePem(authority, "the authority"));
  EVP_PKEY* key = X509_get0_pubkey(issuer.get());
  const bool good = key && X509_verify(signed_one.get(), key) == 1;
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError("the certificate was signed by another authority");
}

absl::Status CheckKeyFits(const std::string& certificate, const std::string& key) {
  TW_ASSIGN_OR_RETURN(const CertificatePtr holder,
                      ReadCertificatePem(certificate, "the certificate"));
  TW_ASSIGN_OR_RETURN(const KeyPtr secret, ReadKeyPem(key, "the key"));
  const bool fits = X509_check_private_key(holder.get(), secret.get()) == 1;
  ERR_clear_error();
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError("the private key is that of another certificate");
}

std::string TimeText(int64_t unix_time) {
  const auto time = static_cast<std::time_t>(unix_time);
  std::tm parts{};
  char text[64];
  if (!gmtime_r(&time, &parts)) return absl::StrCat(unix_time, " s");
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

}  // namespace tilewright
