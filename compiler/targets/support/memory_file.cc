#include "compiler/targets/support/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tilewright {

MemoryFile::MemoryFile()
    : fd_(memfd_create("tilewright", MFD_CLOEXEC)), path_(absl::StrCat("/proc/self/fd/", fd_)) {}

MemoryFile::~MemoryFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status MemoryFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n <= 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot write a file in memory: ", strerror(errno)));
    }
    bytes.remove_prefix(n);
  }
  return absl::OkStatus();
}

}  // namespace tilewright
