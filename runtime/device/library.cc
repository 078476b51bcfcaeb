#include "runtime/device/library.h"

#include <dlfcn.h>

#include "runtime/error.h"

namespace tilewright::runtime {

namespace {

// Why the loader could not load it. Where there is no file it begins with the name, which is known.
std::string Reason(const std::string& name) {
  const std::string said = dlerror();
  return said.starts_with(name + ": ") ? said.substr(name.size() + 2) : said;
}

}  // namespace

Library::Library(const std::vector<std::string>& names, const std::string& what) : what_(what) {
  std::string reason;
  for (const std::string& name : names) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) return;
    if (reason.empty()) reason = Reason(name);
  }
  throw Error(TW_UNAVAILABLE, "no " + what + ": " + reason);
}

void* Library::FindIfThere(const char* name) const { return dlsym(handle_, name); }

void* Library::Find(const char* name) const {
  void* const function = FindIfThere(name);
  if (function != nullptr) return function;
  throw Error(TW_UNAVAILABLE, what_ + " is too old: it has no function " + name);
}

}  // namespace tilewright::runtime
