#include "security/authority.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "security/revocation.h"
#include "security/write_file.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kSecret = 0600, kPublic = 0644;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::Status CheckMissing(const std::string& folder, const char* file) {
  std::error_code error;
  if (!fs::exists(folder + "/" + file, error)) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(folder, " has a ", file, " already; name another folder"));
}

absl::Status MakeFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("cannot make the folder ", folder, ": ", error.message()));
}

}  // namespace

absl::StatusOr<Authority> Authority::Create(const std::string& folder, const std::string& farm,
                                            const Validity& validity) {
  TW_RETURN_IF_ERROR(CheckMissing(folder, "ca.key"));
  TW_ASSIGN_OR_RETURN(CertificateAndKey pair, MakeAuthority(farm, validity));
  TW_ASSIGN_OR_RETURN(const std::string nobody, MakeRevocationList(pair, {}, validity.from));
  TW_RETURN_IF_ERROR(MakeFolder(folder + "/issued"));
  TW_RETURN_IF_ERROR(WriteFile(folder + "/ca.pem", pair.certificate, kPublic));
  TW_RETURN_IF_ERROR(WriteFile(folder + "/crl.pem", nobody, kPublic));
  TW_RETURN_IF_ERROR(WriteFile(folder + "/ca.key", pair.key, kSecret));
  return Authority(folder, std::move(pair));
}

absl::StatusOr<Authority> Authority::Open(const std::string& folder) {
  CertificateAndKey pair;
  for (const auto& [name, text] :
       {std::pair("/ca.pem", &pair.certificate), std::pair("/ca.key", &pair.key)}) {
    absl::StatusOr<std::string> read = ReadFile(folder + name);
    if (!read.ok()) {
      return absl::NotFoundError(
          absl::StrCat(std::string(read.status().message()),
                       "; `tilewright certs init` makes a farm's authority"));
    }
    *text = *std::move(read);
  }
  TW_RETURN_IF_ERROR(CheckKeyFits(pair.certificate, pair.key));
  return Authority(folder, std::move(pair));
}

absl::StatusOr<CertificateFacts> Authority::Issue(const CertificateRequest& request,
                                                  const std::string& output) {
  TW_ASSIGN_OR_RETURN(const CertificateAndKey made, IssueCertificate(pair_, request));
  TW_ASSIGN_OR_RETURN(CertificateFacts facts, ReadCertificate(made.certificate));
  TW_RETURN_IF_ERROR(CheckMissing(output, "key.pem"));
  TW_RETURN_IF_ERROR(MakeFolder(output));
  // Known here before anybody can use it: only what is known can be revoked.
  TW_RETURN_IF_ERROR(WriteFile(absl::StrCat(folder_, "/issued/", facts.serial, ".pem"),
                               made.certificate, kPublic));
  TW_RETURN_IF_ERROR(WriteFile(output + "/ca.pem", pair_.certificate, kPublic));
  TW_RETURN_IF_ERROR(WriteFile(output + "/cert.pem", made.certificate, kPublic));
  TW_RETURN_IF_ERROR(WriteFile(output + "/key.pem", made.key, kSecret));
  if (request.identity.role == Role::kServer) {
    TW_ASSIGN_OR_RETURN(const std::string revoked, ReadFile(revocation_path()));
    TW_RETURN_IF_ERROR(WriteFile(output + "/crl.pem", revoked, kPublic));
  }
  return facts;
}

absl::StatusOr<std::vector<CertificateFacts>> Authority::Issued() const {
  std::vector<CertificateFacts> all;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ + "/issued", error)) {
    if (entry.path().extension() != ".pem") continue;
    TW_ASSIGN_OR_RETURN(const std::string pem, ReadFile(entry.path()));
    TW_ASSIGN_OR_RETURN(CertificateFacts facts, ReadCertificate(pem));
    all.push_back(std::move(facts));
  }
  return all;
}

absl::StatusOr<std::vector<CertificateFacts>> Authority::Revoke(const std::string& name,
                                                                int64_t now) {
  TW_ASSIGN_OR_RETURN(const std::string list, ReadFile(revocation_path()));
  TW_ASSIGN_OR_RETURN(Serials serials, ReadRevocationList(list, pair_.certificate));
  TW_ASSIGN_OR_RETURN(const std::vector<CertificateFacts> issued, Issued());
  std::vector<CertificateFacts> revoked;
  std::set<std::string> names;
  for (const CertificateFacts& facts : issued) {
    names.insert(facts.identity.name);
    if (facts.identity.name == name && serials.insert(facts.serial).second) {
      revoked.push_back(facts);
    }
  }
  if (!names.contains(name)) {
    return absl::NotFoundError(
        absl::StrCat("no certificate was issued to \"", Shown(name),
                     "\"; to: ", names.empty() ? "nobody" : absl::StrJoin(names, ", ")));
  }
  TW_ASSIGN_OR_RETURN(const std::string made, MakeRevocationList(pair_, serials, now));
  TW_RETURN_IF_ERROR(WriteFile(revocation_path(), made, kPublic));
  return revoked;
}

}  // namespace tilewright
