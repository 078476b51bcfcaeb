// Files that the user names.
#pragma once

#include <fstream>
#include <string>

#include "absl/status/status.h"

namespace tilewright {

// A file that appears under its name only when it is complete: written beside it, synced, renamed.
// An abandoned one leaves nothing behind.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // PermissionDenied when the file cannot be made: ask before the work is done.
  const absl::Status& status() const { return status_; }
  std::ostream& stream() { return stream_; }
  // Gives the file its name. Internal when something was not written.
  absl::Status Commit();

 private:
  const std::string path_, draft_;
  std::ofstream stream_;
  absl::Status status_;
};

}  // namespace tilewright
