// A file in memory with a path, for the libraries (LLD, the dynamic loader) that take only paths.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tilewright {

class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();  // the path stops working; what was mapped stays
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Of this process, valid and of no other file while this object lives.
  const std::string& path() const { return path_; }

  // Appends. ResourceExhausted when the system refuses.
  absl::Status Write(std::string_view bytes);

 private:
  int fd_;
  std::string path_;
};

}  // namespace tilewright
