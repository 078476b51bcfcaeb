// A shared library that may be missing, and its functions by name.
#pragma once

#include <string>
#include <vector>

namespace tilewright::runtime {

class Library {
 public:
  // Loads the first of `names` that can be; stays loaded for the life of the process. Throws Error
  // UNAVAILABLE with `what` is missing, which names the files, and the loader's reason for the
  // first.
  Library(const std::vector<std::string>& names, const std::string& what);

  // Sets `function` to the library's function of that name. Throws Error UNAVAILABLE when it has
  // none: the library is older than what we need.
  template <typename Function>
  void Bind(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(Find(name));
  }

  // The same; null when it has none.
  template <typename Function>
  void BindIfThere(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(FindIfThere(name));
  }

 private:
  void* Find(const char* name) const;
  void* FindIfThere(const char* name) const;

  void* handle_ = nullptr;
  std::string what_;
};

}  // namespace tilewright::runtime
