#include "compiler/driver/dump.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace tilewright {

void Dump::Write(const std::string& name, std::string_view text) {
  if (!enabled() || !status_.ok()) return;
  const std::filesystem::path path = std::filesystem::path(dir_) / name;
  std::error_code ignored;  // the file's failure below says enough
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) status_ = absl::PermissionDeniedError(absl::StrCat("cannot write ", path.string()));
}

}  // namespace tilewright
