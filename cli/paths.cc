#include "cli/paths.h"

#include <cstdlib>

namespace tilewright {
namespace {

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::string DataFolder() {
  if (const std::string data = Env("XDG_DATA_HOME"); !data.empty()) return data + "/tilewright";
  if (const std::string home = Env("HOME"); !home.empty()) return home + "/.local/share/tilewright";
  return "./.tilewright";
}

std::string DefaultRecordsPath() {
  const std::string named = Env("TILEWRIGHT_RECORDS");
  return named.empty() ? DataFolder() + "/records.db" : named;
}

}  // namespace tilewright
