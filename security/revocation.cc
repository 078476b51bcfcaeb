#include "security/revocation.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "security/openssl.h"

namespace tilewright {
namespace {

constexpr long kVersion2 = 1;  // of a list
constexpr double kLookSeconds = 1;
// Lists are replaced when something is revoked, not by the calendar: far away.
constexpr int64_t kListSeconds = int64_t{20} * 365 * 86'400;

bool AddSerial(X509_CRL* list, const std::string& serial, const ASN1_TIME* when) {
  BIGNUM* number = nullptr;
  if (BN_hex2bn(&number, serial.c_str()) != static_cast<int>(serial.size())) {
    BN_free(number);
    return false;
  }
  const BignumPtr owned(number);
  ASN1_INTEGER* integer = BN_to_ASN1_INTEGER(number, nullptr);
  X509_REVOKED* entry = X509_REVOKED_new();
  const bool ok = integer && entry && X509_REVOKED_set_serialNumber(entry, integer) &&
                  X509_REVOKED_set_revocationDate(entry, const_cast<ASN1_TIME*>(when)) &&
                  X509_CRL_add0_revoked(list, entry);
  if (!ok) X509_REVOKED_free(entry);
  ASN1_INTEGER_free(integer);
  return ok;
}

bool Fill(X509_CRL* list, const X509* authority, int64_t now) {
  const TimePtr issued(ASN1_TIME_set(nullptr, now));
  const TimePtr next(ASN1_TIME_set(nullptr, now + kListSeconds));
  return list && issued && next && X509_CRL_set_version(list, kVersion2) &&
         X509_CRL_set_issuer_name(list, X509_get_subject_name(authority)) &&
         X509_CRL_set1_lastUpdate(list, issued.get()) && X509_CRL_set1_nextUpdate(list, next.get());
}

}  // namespace

absl::StatusOr<std::string> MakeRevocationList(const CertificateAndKey& authority,
                                               const Serials& serials, int64_t now) {
  TW_RETURN_IF_ERROR(CheckKeyFits(authority.certificate, authority.key));
  TW_ASSIGN_OR_RETURN(const CertificatePtr issuer,
                      ReadCertificatePem(authority.certificate, "the authority"));
  TW_ASSIGN_OR_RETURN(const KeyPtr key, ReadKeyPem(authority.key, "the authority's key"));
  const RevocationPtr list(X509_CRL_new());
  if (!Fill(list.get(), issuer.get(), now)) return OpensslError("cannot make a revocation list");
  const TimePtr when(ASN1_TIME_set(nullptr, now));
  for (const std::string& serial : serials) {
    if (!AddSerial(list.get(), serial, when.get())) {
      return OpensslError(absl::StrCat("cannot revoke ", serial));
    }
  }
  X509_CRL_sort(list.get());
  if (!X509_CRL_sign(list.get(), key.get(), EVP_sha256())) {
    return OpensslError("cannot sign a revocation list");
  }
  return WritePem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()) == 1; });
}

absl::StatusOr<Serials> ReadRevocationList(const std::string& pem, const std::string& authority) {
  if (pem.size() > kMaxRevocationBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a revocation list of ", pem.size(), " bytes, allowed ", kMaxRevocationBytes));
  }
  TW_ASSIGN_OR_RETURN(const CertificatePtr issuer, ReadCertificatePem(authority, "the authority"));
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const RevocationPtr list(in ? PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr)
                              : nullptr);
  const bool good = list && X509_CRL_verify(list.get(), X509_get0_pubkey(issuer.get())) == 1;
  ERR_clear_error();
  if (!good) return absl::InvalidArgumentError("no revocation list that the authority has signed");
  Serials serials;
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.get());
  for (int i = 0; entries && i < sk_X509_REVOKED_num(entries); ++i) {
    serials.insert(SerialText(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i))));
  }
  return serials;
}

RevocationFile::Version RevocationFile::VersionOf(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0) return {};
  return {.size = found.st_size,
          .seconds = found.st_mtim.tv_sec,
          .nanoseconds = found.st_mtim.tv_nsec,
          .inode = found.st_ino};
}

absl::StatusOr<std::unique_ptr<RevocationFile>> RevocationFile::Open(
    std::string path, std::string authority, std::function<void(const std::string&)> warn) {
  std::unique_ptr<RevocationFile> file(
      new RevocationFile(std::move(path), std::move(authority), std::move(warn)));
  file->version_ = VersionOf(file->path_);
  if (file->version_ != Version{}) TW_RETURN_IF_ERROR(file->Load());
  return file;
}

absl::Status RevocationFile::Load() {
  std::ifstream in(path_, std::ios::binary);
  std::string pem(kMaxRevocationBytes + 1, '\0');
  in.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  pem.resize(static_cast<size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) return absl::UnavailableError(absl::StrCat("cannot read ", path_));
  absl::StatusOr<Serials> serials = ReadRevocationList(pem, authority_);
  if (!serials.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, " is ", std::string(serials.status().message())));
  }
  revoked_ = *std::move(serials);
  list_ = pem;
  return absl::OkStatus();
}

void RevocationFile::Refresh() {
  const double now = SystemClock().Now();
  if (now - looked_ < kLookSeconds) return;
  looked_ = now;
  const Version version = VersionOf(path_);
  if (version == version_) return;
  version_ = version;
  const absl::Status loaded =
      version == Version{} ? absl::NotFoundError(absl::StrCat(path_, " is gone")) : Load();
  if (!loaded.ok() && warn_) {
    warn_(absl::StrCat(std::string(loaded.message()), "; the former revocation list stays valid"));
  }
}

bool RevocationFile::IsRevoked(const std::string& serial) {
  std::lock_guard lock(mutex_);
  Refresh();
  return revoked_.contains(serial);
}

std::string RevocationFile::List() {
  std::lock_guard lock(mutex_);
  Refresh();
  return list_;
}

}  // namespace tilewright
