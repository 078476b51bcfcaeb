#include "worker/sandbox/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace tilewright {
namespace {

void WriteFile(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  // A failure leaves an unmapped user, which can do even less.
  if (write(fd, text.data(), text.size()) < 0) errno = 0;
  close(fd);
}

}  // namespace

bool EnterNamespaces(bool pid_namespace) {
  const std::string uid = std::to_string(geteuid());
  const std::string gid = std::to_string(getegid());
  const int pid = pid_namespace ? CLONE_NEWPID : 0;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | pid) != 0) return false;
  WriteFile("/proc/self/setgroups", "deny");
  WriteFile("/proc/self/uid_map", uid + " " + uid + " 1");
  WriteFile("/proc/self/gid_map", gid + " " + gid + " 1");
  return true;
}

bool MakeFilesReadOnly() {
#if defined(SYS_mount_setattr) && defined(MOUNT_ATTR_RDONLY)
  if (unshare(CLONE_NEWNS) != 0) return false;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  attributes.propagation = MS_PRIVATE;
  return syscall(SYS_mount_setattr, -1, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) == 0;
#else
  return false;
#endif
}

}  // namespace tilewright
