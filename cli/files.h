// Files that the user names.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace tilewright {

// What a verb writes; told by how such files begin.
enum class FileKind {
  kPackage,    // of `compile`
  kModel,      // ONNX, with Tilewright as its producer
  kArrays,     // .npz
  kLog,        // of records: JSON lines
  kCostModel,  // of `train`
};

// A file that appears under its name only when it is complete: written beside it under a name of
// its own, synced, renamed. Until then what stood there stays whole; an abandoned one leaves
// nothing behind, nor does a process that is interrupted (SIGINT, SIGTERM, SIGHUP). Every verb that
// writes a file the user names writes it through this, one at a time.
class OutputFile {
 public:
  // `inputs` are the files that the verb reads; empty names are passed over.
  OutputFile(std::string path, FileKind kind, const std::vector<std::string>& inputs = {});
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Ask before the work is done. Wrong usage for no name, and when something stands there that must
  // not be replaced: a device, pipe, socket, symbolic link, folder, read-only file, one of the
  // inputs, or a file that is neither empty nor of the kind. PermissionDenied when the file cannot
  // be made.
  const absl::Status& status() const { return status_; }
  std::ostream& stream() { return stream_; }
  // Where it is written until then, for what writes files by name. Written by it or by stream().
  const std::string& draft() const { return draft_; }
  // What went wrong with writing the draft, told of the file: Internal, as by Commit.
  absl::Status OfDraft(const absl::Status& written) const;
  // Gives the file its name, and the permissions of the file that it replaces. Internal when
  // something was not written.
  absl::Status Commit();

 private:
  absl::Status Open(FileKind kind, const std::vector<std::string>& inputs);

  const std::string path_;
  std::string draft_;
  int mode_ = -1;  // of the file that is replaced
  std::ofstream stream_;
  absl::Status status_;
};

}  // namespace tilewright
