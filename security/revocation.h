// Which certificates of a farm are no longer to be trusted: a list that its authority signs (X.509
// CRL, RFC 5280), and a file of it that is read again when it changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "security/certificate.h"

namespace tilewright {

using Serials = std::set<std::string>;  // as CertificateFacts::serial

inline constexpr size_t kMaxRevocationBytes = 4 << 20;  // of a list: some 80,000 certificates

// A PEM text, dated `now` (unix seconds).
absl::StatusOr<std::string> MakeRevocationList(const CertificateAndKey& authority,
                                               const Serials& serials, int64_t now);
// InvalidArgument unless it is a list that `authority` (PEM) has signed, of at most
// kMaxRevocationBytes.
absl::StatusOr<Serials> ReadRevocationList(const std::string& pem, const std::string& authority);

// Thread-safe. A list that becomes missing or unreadable does not bring anybody's trust back: the
// last good one stays in force.
class RevocationFile {
 public:
  // No file at the start: nobody is revoked. InvalidArgument for a file that is no list of the
  // authority's. `warn` is told, once a change, of a file that cannot be used; may be null.
  static absl::StatusOr<std::unique_ptr<RevocationFile>> Open(
      std::string path, std::string authority, std::function<void(const std::string&)> warn);

  // Both look at the file at most once a second.
  bool IsRevoked(const std::string& serial);
  // The list in force, PEM; empty: there was none yet.
  std::string List();

 private:
  struct Version {  // of the file
    int64_t size = -1, seconds = 0, nanoseconds = 0;
    uint64_t inode = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };

  RevocationFile(std::string path, std::string authority,
                 std::function<void(const std::string&)> warn)
      : path_(std::move(path)), authority_(std::move(authority)), warn_(std::move(warn)) {}
  static Version VersionOf(const std::string& path);
  absl::Status Load();
  void Refresh();

  const std::string path_, authority_;
  const std::function<void(const std::string&)> warn_;
  std::mutex mutex_;
  std::string list_;
  Serials revoked_;
  Version version_;
  double looked_ = 0;  // monotonic seconds
};

}  // namespace tilewright
