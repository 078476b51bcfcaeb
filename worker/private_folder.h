// A folder only this process uses: removed with everything in it at the end.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

class PrivateFolder {
 public:
  // Made in `parent`, readable by this user only. Unavailable with the reason.
  static absl::StatusOr<std::unique_ptr<PrivateFolder>> Make(const std::string& parent);
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace tilewright
