// The ustar container of a package. WriteTar is declared in package.h.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tilewright::runtime {

// The members of a tar by name; the views point into `bytes`. Throws BadPackage unless every
// header's checksum is right, every member lies inside the bytes and the archive ends with its
// mark. At most 64 members, plain files only, no name twice.
std::map<std::string, std::string_view> ReadTar(std::string_view bytes);

}  // namespace tilewright::runtime
