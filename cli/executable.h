// Where this command lies: its helpers lie beside it.
#pragma once

#include <filesystem>

namespace tilewright {

inline std::filesystem::path ExecutablePath() {
  return std::filesystem::read_symlink("/proc/self/exe");
}
inline std::filesystem::path ExecutableFolder() { return ExecutablePath().parent_path(); }

}  // namespace tilewright
