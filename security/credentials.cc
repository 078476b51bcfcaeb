#include "security/credentials.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr uintmax_t kMostBytes = 1 << 20;

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": ", error.message(),
                     "; `tilewright certs issue` makes a folder with ca.pem, cert.pem, key.pem"));
  }
  if (size > kMostBytes) return absl::InvalidArgumentError(absl::StrCat(path, " is above 1 MiB"));
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat found{};
  if (stat(path.c_str(), &found) != 0 || (found.st_mode & 077) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrFormat("%s may be read or written by others (mode %04o): chmod 600 it", path,
                      found.st_mode & 07777));
}

// The same status with the folder in front.
absl::Status InFolder(const std::string& folder, const absl::Status& status) {
  if (status.ok()) return status;
  return {status.code(), absl::StrCat(folder, ": ", std::string(status.message()))};
}

}  // namespace

absl::Status CheckTime(const CertificateFacts& facts, int64_t now) {
  const std::string whose =
      absl::StrCat("the certificate of ", NameOf(facts.identity.role), " ", facts.identity.name);
  if (now > facts.not_after) {
    return absl::FailedPreconditionError(
        absl::StrCat(whose, " expired on ", TimeText(facts.not_after),
                     "; issue another with `tilewright certs issue`"));
  }
  if (now < facts.not_before) {
    return absl::FailedPreconditionError(absl::StrCat(whose, " is valid from ",
                                                      TimeText(facts.not_before), ", it is ",
                                                      TimeText(now), ": is a clock wrong?"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Credentials> LoadCredentials(const std::string& folder, int64_t now) {
  Credentials all{.folder = folder};
  TW_ASSIGN_OR_RETURN(all.authority, ReadSmallFile(folder + "/ca.pem"));
  TW_ASSIGN_OR_RETURN(all.own.certificate, ReadSmallFile(folder + "/cert.pem"));
  TW_ASSIGN_OR_RETURN(all.own.key, ReadSmallFile(folder + "/key.pem"));
  TW_RETURN_IF_ERROR(CheckPrivate(folder + "/key.pem"));
  absl::StatusOr<CertificateFacts> facts = ReadCertificate(all.own.certificate);
  TW_RETURN_IF_ERROR(InFolder(folder + "/cert.pem", facts.status()));
  all.facts = *std::move(facts);
  TW_RETURN_IF_ERROR(InFolder(folder, CheckSignedBy(all.own.certificate, all.authority)));
  TW_RETURN_IF_ERROR(InFolder(folder, CheckKeyFits(all.own.certificate, all.own.key)));
  TW_RETURN_IF_ERROR(InFolder(folder, CheckTime(all.facts, now)));
  return all;
}

}  // namespace tilewright
