// A file in memory with a path, for the libraries (LLD, the dynamic loader) that take only paths.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tilewright {

class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();  // paths stop working; what was mapped stays
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Of this process, valid while this object lives. glibc's loader tells libraries apart by
  // device and inode, so that a path used again later is no danger.
  const std::string& path() const { return path_; }

  // Appends. ResourceExhausted when the system refuses.
  absl::Status Write(std::string_view bytes);

 private:
  int fd_;
  std::string path_;
};

}  // namespace tilewright
