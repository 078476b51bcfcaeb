#include "records/store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tilewright {

absl::StatusOr<FileLock> FileLock::Take(const std::string& path) {
  // Close-on-exec: a kernel's process must not keep the lock alive.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    const std::string what = absl::StrCat("cannot open ", path, ": ", std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(what);
    return absl::PermissionDeniedError(what);
  }
  FileLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  return absl::UnavailableError(
      absl::StrCat("another process is writing to these records (it holds ", path,
                   "); wait for it, or name another file with --records"));
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace tilewright
