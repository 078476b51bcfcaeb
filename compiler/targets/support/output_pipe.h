// A path to write to whose bytes arrive in memory: for LLD, which makes its output beside the path
// and renames it unless the path is no regular file. No disk is needed, which could be full, and
// nothing stays when this process is killed.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace tilewright {

class OutputPipe {
 public:
  // ResourceExhausted when the system has no descriptors left.
  static absl::StatusOr<std::unique_ptr<OutputPipe>> Make();
  ~OutputPipe() { Finish(); }
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;

  // Of this process.
  const std::string& path() const { return path_; }
  // Everything written. REQUIRES: whoever opened the path has closed it.
  const std::string& Finish();

 private:
  OutputPipe(int reader, int writer);

  int writer_;
  const std::string path_;
  std::string bytes_;
  std::thread drain_;
};

}  // namespace tilewright
