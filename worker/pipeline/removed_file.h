// A file's path; the file is removed with this, whether it was ever written or not.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

namespace tilewright {

class RemovedFile {
 public:
  explicit RemovedFile(std::string path) : path_(std::move(path)) {}
  ~RemovedFile() { unlink(path_.c_str()); }
  RemovedFile(const RemovedFile&) = delete;
  RemovedFile& operator=(const RemovedFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace tilewright
