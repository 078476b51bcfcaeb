// Writes what the compiler sees at each stage as text files, for people. Used by CompileModel.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tilewright {

class Dump {
 public:
  // An empty folder name makes a dump that writes nothing.
  explicit Dump(std::string dir) : dir_(std::move(dir)) {}

  bool enabled() const { return !dir_.empty(); }
  // Creates folders as needed. Keeps the first failure; later writes do nothing.
  void Write(const std::string& name, std::string_view text);
  // PermissionDenied names the file that could not be written.
  const absl::Status& status() const { return status_; }

 private:
  std::string dir_;
  absl::Status status_;
};

}  // namespace tilewright
