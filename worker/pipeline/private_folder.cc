#include "worker/pipeline/private_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "tilewright-";
constexpr char kLockName[] = "lock";

// A file is locked before it gets the name by which others look for it: a folder without that name
// is being made, or is not ours. -1 with errno.
int MakeLock(const std::string& folder) {
  const std::string early = absl::StrCat(folder, "/lock.new");
  const int fd = open(early.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  const std::string name = absl::StrCat(folder, "/", kLockName);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && rename(early.c_str(), name.c_str()) == 0) return fd;
  close(fd);
  return -1;
}

// The lock goes with its process, so one that can be had belongs to nobody.
void RemoveIfAbandoned(const fs::path& folder) {
  const int fd = open((folder / kLockName).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  std::error_code ignored;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) fs::remove_all(folder, ignored);
  close(fd);
}

void RemoveAbandoned(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    std::error_code no_type;
    const bool folder = fs::is_directory(it->symlink_status(no_type));
    if (folder && absl::StartsWith(it->path().filename().string(), kPrefix)) {
      RemoveIfAbandoned(it->path());
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PrivateFolder>> PrivateFolder::Make(const std::string& parent) {
  RemoveAbandoned(parent);
  std::string path = absl::StrCat(parent, "/", kPrefix, "XXXXXX");
  const int lock = mkdtemp(path.data()) ? MakeLock(path) : -1;
  if (lock < 0) {
    const std::string reason = strerror(errno);
    rmdir(path.c_str());
    return absl::UnavailableError(absl::StrCat("cannot make a folder in ", parent, ": ", reason));
  }
  return std::unique_ptr<PrivateFolder>(new PrivateFolder(std::move(path), lock));
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;  // nothing can be done about a file that cannot be removed
  fs::remove_all(path_, ignored);
  close(lock_);
}

}  // namespace tilewright
