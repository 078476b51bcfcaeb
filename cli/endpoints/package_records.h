// Which records a package was compiled with.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/error.h"
#include "runtime/mapped_file.h"
#include "runtime/read_package.h"

namespace tilewright {

// Their run ids. InvalidArgument for a file that is no package.
inline absl::StatusOr<std::vector<std::string>> RecordsOfPackage(const std::string& package) {
  try {
    const runtime::MappedFile file(package);
    return runtime::ReadManifestOf(file.bytes()).records;
  } catch (const runtime::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(package, ": ", error.what()));
  }
}

}  // namespace tilewright
