// Whom somebody who is told by others knows to be revoked.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "security/revocation.h"

namespace tilewright {

// Every list that it has met counts, and its own file. Revoking is for good, so an older list, or
// none, brings nobody's trust back. Thread-safe.
class KnownRevocations {
 public:
  // `own` may be null. In `folder`, which exists and processes may share, it keeps what it learns
  // and finds what was learned before; what is no list of the authority's there is passed over. "":
  // the process's end is the end of its memory.
  explicit KnownRevocations(std::string authority, std::unique_ptr<RevocationFile> own = nullptr,
                            std::string folder = "");

  // Adds what a list revokes. Statuses as of ReadRevocationList, and nothing is added then;
  // PermissionDenied: it counts, but could not be kept in the folder.
  absl::Status Learn(const std::string& pem);
  bool Contains(const std::string& serial) const;

 private:
  void Add(const Serials& serials) { revoked_.insert(serials.begin(), serials.end()); }
  void Remember();
  absl::Status Keep(const std::string& pem, const Serials& serials);

  const std::string authority_;  // PEM
  const std::unique_ptr<RevocationFile> own_;
  const std::string folder_;
  mutable std::mutex mutex_;
  std::string last_;  // list, which most often comes again
  Serials revoked_;
  Serials kept_;                 // those of revoked_ that the files in the folder revoke
  std::set<std::string> files_;  // their paths
};

}  // namespace tilewright
