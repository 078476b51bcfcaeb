#include "security/known_revocations.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "security/signature.h"
#include "security/write_file.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr char kListSuffix[] = ".crl";
constexpr mode_t kReadableByAll = 0644;

bool Covers(const Serials& all, const Serials& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

}  // namespace

KnownRevocations::KnownRevocations(std::string authority, std::unique_ptr<RevocationFile> own,
                                   std::string folder)
    : authority_(std::move(authority)), own_(std::move(own)), folder_(std::move(folder)) {
  if (!folder_.empty()) Remember();
}

void KnownRevocations::Remember() {
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    std::error_code unknown;
    const bool is_list =
        it->path().extension() == kListSuffix && it->file_size(unknown) <= kMaxRevocationBytes;
    if (!is_list) continue;
    std::ifstream in(it->path(), std::ios::binary);
    const std::string pem(std::istreambuf_iterator<char>(in), {});
    const absl::StatusOr<Serials> serials = ReadRevocationList(pem, authority_);
    if (!serials.ok()) continue;
    files_.insert(it->path());
    kept_.insert(serials->begin(), serials->end());
  }
  Add(kept_);
}

// A file for each list that says something new, named by its bytes, so that processes do not meet;
// one that says all makes the others superfluous.
absl::Status KnownRevocations::Keep(const std::string& pem, const Serials& serials) {
  TW_ASSIGN_OR_RETURN(const std::string name, Sha256Hex(pem));
  const std::string path = absl::StrCat(folder_, "/", name, kListSuffix);
  TW_RETURN_IF_ERROR(WriteFile(path, pem, kReadableByAll));
  const std::set<std::string> former = std::exchange(files_, {path});
  for (const std::string& other : former) {
    std::error_code error;
    Covers(serials, kept_) && other != path ? void(fs::remove(other, error))
                                            : void(files_.insert(other));
  }
  kept_.insert(serials.begin(), serials.end());
  return absl::OkStatus();
}

absl::Status KnownRevocations::Learn(const std::string& pem) {
  std::lock_guard lock(mutex_);
  if (pem == last_) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(const Serials serials, ReadRevocationList(pem, authority_));
  Add(serials);
  if (!folder_.empty() && !Covers(kept_, serials)) TW_RETURN_IF_ERROR(Keep(pem, serials));
  last_ = pem;
  return absl::OkStatus();
}

bool KnownRevocations::Contains(const std::string& serial) const {
  if (own_ && own_->IsRevoked(serial)) return true;
  std::lock_guard lock(mutex_);
  return revoked_.contains(serial);
}

}  // namespace tilewright
