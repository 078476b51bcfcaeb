// A log as users have it: plain or gzip, from a file or a pipe.
#pragma once

#include <istream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tilewright {

// Reads a text file front to back, once; what gzip compressed is unpacked on the way and a UTF-8
// byte order mark is left out. Not thread-safe.
class LogFile {
 public:
  // NotFound or PermissionDenied when it cannot be opened; InvalidArgument for folders, devices,
  // and for what by its first bytes is another kind of file, saying which. Never blocks: a pipe
  // that nobody writes to is empty.
  static absl::StatusOr<std::unique_ptr<LogFile>> Open(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  std::istream& stream() { return stream_; }
  // After the end of the stream: DataLoss when it ended early (a damaged gzip file, a read error).
  absl::Status status() const;

 private:
  class Buffer;
  LogFile(std::string path, std::unique_ptr<Buffer> buffer);

  const std::string path_;
  const std::unique_ptr<Buffer> buffer_;
  std::istream stream_;
};

}  // namespace tilewright
