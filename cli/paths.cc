#include "cli/paths.h"

#include <cstdlib>
#include <filesystem>

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

std::string DefaultTlsFolder() {
  if (const std::string named = Env("TILEWRIGHT_TLS"); !named.empty()) return named;
  std::string config = Env("XDG_CONFIG_HOME");
  if (const std::string home = Env("HOME"); config.empty() && !home.empty()) {
    config = home + "/.config";
  }
  const std::string folder = config + "/tilewright/tls";
  std::error_code error;
  return !config.empty() && std::filesystem::is_directory(folder, error) ? folder : "";
}

std::string TempFolder() {
  const std::string named = Env("TMPDIR");
  return named.empty() ? "/tmp" : named;
}

std::string DefaultRecordsPath() {
  const std::string named = Env("TILEWRIGHT_RECORDS");
  return named.empty() ? DataFolder() + "/records.db" : named;
}

}  // namespace tilewright
