// File access by the Linux security module Landlock, which needs no privilege. Depends on libc
// only.
#pragma once

#include <string>
#include <vector>

namespace tilewright {

// kRun: read and map as code; kWrite: with making; kDrive: what drivers do to devices and to
// folders that they compile in.
enum class FileAccess { kRead, kRun, kWrite, kDrive };

struct FileRule {
  std::string path;  // a file, or a folder with all in it; one that is not there gives nothing
  FileAccess access = FileAccess::kRead;
};

// From now on this thread and those it starts open files only as the rules say; what is open stays
// so. False where the kernel has no Landlock: nothing has changed then. REQUIRES:
// PR_SET_NO_NEW_PRIVS.
bool RestrictFiles(const std::vector<FileRule>& rules);

// Where programs find their libraries, to be run.
std::vector<FileRule> SystemLibraries();

}  // namespace tilewright
