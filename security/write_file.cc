#include "security/write_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

absl::Status CannotWrite(const std::string& path) {
  return absl::PermissionDeniedError(
      absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status WriteFile(const std::string& path, const std::string& text, mode_t mode) {
  const std::string draft = absl::StrCat(path, ".new-", getpid());
  unlink(draft.c_str());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return CannotWrite(path);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool synced = written && fsync(fd) == 0;
  close(fd);
  if (synced && rename(draft.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status failed = CannotWrite(path);
  unlink(draft.c_str());
  return failed;
}

}  // namespace tilewright
