// An exclusive lock on a side file, held until destroyed (also by kill -9): one writing process.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace tilewright {

class FileLock {
 public:
  // Creates the file when missing. Unavailable when another holder has it, PermissionDenied or
  // NotFound when it cannot be created.
  static absl::StatusOr<FileLock> Take(const std::string& path);
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tilewright
