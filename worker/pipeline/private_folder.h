// A folder only this process uses: removed with everything in it at the end, or by the next process
// that makes one beside it when this one was killed.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

class PrivateFolder {
 public:
  // Made in `parent`, readable by this user only, after the folders of processes that are gone have
  // been removed. Unavailable with the reason.
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Make(const std::string& parent);
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  PrivateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  const std::string path_;
  const int lock_;  // descriptor of the locked file in it
};

}  // namespace tilewright
