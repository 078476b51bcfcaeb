#include "worker/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tilewright {
namespace {

// Rights by the version of the interface that brought them (Documentation/userspace-api/landlock);
// those beyond the first are missing in the headers of Linux 5.13.
constexpr uint64_t kFirstRights = (uint64_t{1} << 13) - 1;
constexpr uint64_t kRefer = uint64_t{1} << 13;     // 2
constexpr uint64_t kTruncate = uint64_t{1} << 14;  // 3
constexpr uint64_t kIoctl = uint64_t{1} << 15;     // 5

constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kFileRights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kIoctl;

uint64_t KnownRights(long version) {
  uint64_t rights = kFirstRights;
  if (version >= 2) rights |= kRefer;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kIoctl;
  return rights;
}

uint64_t RightsOf(FileAccess access) {
  switch (access) {
    case FileAccess::kRead: return kRead;
    case FileAccess::kRun: return kRead | LANDLOCK_ACCESS_FS_EXECUTE;
    case FileAccess::kWrite:
      return kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
             LANDLOCK_ACCESS_FS_REMOVE_FILE | kTruncate;
    case FileAccess::kDrive:
      return RightsOf(FileAccess::kWrite) | LANDLOCK_ACCESS_FS_EXECUTE |
             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | kRefer | kIoctl;
  }
  return 0;
}

void AddRule(int ruleset, const FileRule& rule, uint64_t known) {
  const int fd = open(rule.path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  struct stat info{};
  uint64_t rights = RightsOf(rule.access) & known;
  if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode)) rights &= kFileRights;
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = rights;
  beneath.parent_fd = fd;
  syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
  close(fd);
}

}  // namespace

bool RestrictFiles(const std::vector<FileRule>& rules) {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = KnownRights(version);
  const int ruleset =
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0));
  if (ruleset < 0) return false;
  for (const FileRule& rule : rules) AddRule(ruleset, rule, attributes.handled_access_fs);
  const bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return done;
}

std::vector<FileRule> SystemLibraries() {
  return {{"/lib", FileAccess::kRun},           {"/lib64", FileAccess::kRun},
          {"/usr/lib", FileAccess::kRun},       {"/usr/lib64", FileAccess::kRun},
          {"/usr/local/lib", FileAccess::kRun}, {"/etc/ld.so.cache", FileAccess::kRead}};
}

}  // namespace tilewright
