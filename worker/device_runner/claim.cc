#include "worker/device_runner/claim.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace tilewright {
namespace {

// A name in the abstract namespace (unix(7)): no file, so none that another user may not open, and
// the kernel forgets it with the last descriptor.
struct Name {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t bytes = 0;
};

Name NameOf(const std::string& uuid) {
  const std::string text = "tilewright-device-" + uuid;
  Name name;
  const size_t length = std::min(text.size(), sizeof(name.address.sun_path) - 1);
  std::memcpy(name.address.sun_path + 1, text.data(), length);
  name.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  return name;
}

// The process that listens under the name.
std::string HolderOf(const Name& name) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ucred holder = {};
  socklen_t bytes = sizeof(holder);
  const bool known =
      connect(fd, reinterpret_cast<const sockaddr*>(&name.address), name.bytes) == 0 &&
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &bytes) == 0 && holder.pid > 0;
  close(fd);
  return known ? "process " + std::to_string(holder.pid) : "another process";
}

}  // namespace

std::string ClaimDevice(const std::string& uuid) {
  const Name name = NameOf(uuid);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name.address), name.bytes) != 0) {
    const bool taken = errno == EADDRINUSE;
    close(fd);
    return taken ? HolderOf(name) : "";
  }
  listen(fd, SOMAXCONN);  // who asks is never answered, but queued
  return "";              // the descriptor stays open
}

}  // namespace tilewright
