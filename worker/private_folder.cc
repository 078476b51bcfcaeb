#include "worker/private_folder.h"

#include <stdlib.h>
#include <string.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace tilewright {

absl::StatusOr<std::unique_ptr<PrivateFolder>> PrivateFolder::Make(const std::string& parent) {
  std::string path = parent + "/tilewright-XXXXXX";
  if (!mkdtemp(path.data())) {
    return absl::UnavailableError(
        absl::StrCat("cannot make a folder in ", parent, ": ", strerror(errno)));
  }
  return std::unique_ptr<PrivateFolder>(new PrivateFolder(std::move(path)));
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;  // nothing can be done about a file that cannot be removed
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tilewright
