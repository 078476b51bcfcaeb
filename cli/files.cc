#include "cli/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tilewright {

OutputFile::OutputFile(std::string path)
    : path_(std::move(path)), draft_(absl::StrCat(path_, ".partial-", getpid())) {
  stream_.open(draft_, std::ios::binary | std::ios::trunc);
  if (!stream_) {
    status_ = absl::PermissionDeniedError(
        absl::StrCat("cannot write ", path_, ": ", std::strerror(errno)));
  }
}

OutputFile::~OutputFile() {
  if (stream_.is_open()) {
    stream_.close();
    std::remove(draft_.c_str());
  }
}

absl::Status OutputFile::Commit() {
  const bool written = stream_.flush().good();
  const int fd = open(draft_.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (!written || !synced || std::rename(draft_.c_str(), path_.c_str()) != 0) {
    return absl::InternalError(absl::StrCat("cannot write ", path_, ": ", std::strerror(errno)));
  }
  stream_.close();
  return absl::OkStatus();
}

}  // namespace tilewright
