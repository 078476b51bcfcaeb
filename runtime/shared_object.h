// Machine code given as the bytes of an ELF shared library, loaded into this process.
#pragma once

#include <string>
#include <string_view>

namespace tilewright::runtime {

class SharedObject {
 public:
  // Goes through an anonymous file in memory, so nothing is left behind and a read-only file
  // system is enough. Throws BadPackage with the loader's reason. The bytes must be intact: the
  // system's loader crashes on a damaged library.
  explicit SharedObject(std::string_view elf);
  ~SharedObject();
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;

  // Address of an exported function; null when there is none.
  void* Find(const std::string& symbol) const;

 private:
  // Held open while the library is loaded: the loader knows libraries by their path, and a path
  // /proc/self/fd/N must not come to mean another library.
  int fd_ = -1;
  void* handle_ = nullptr;
};

}  // namespace tilewright::runtime
