#include "runtime/shared_object.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

// A new file that no other process sees: in memory, or an unlinked temporary file on kernels and
// sandboxes without that.
int OpenPrivateFile() {
  const int fd = memfd_create("tilewright-kernels", MFD_CLOEXEC);
  if (fd >= 0) return fd;
  char name[] = "/tmp/tilewright-XXXXXX";
  const int temporary = mkostemp(name, O_CLOEXEC);
  if (temporary >= 0) unlink(name);
  return temporary;
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

SharedObject::SharedObject(std::string_view elf) : fd_(OpenPrivateFile()) {
  if (!WriteAll(fd_, elf)) {
    const std::string reason = std::strerror(errno);
    close(fd_);
    throw Error(TW_INTERNAL, "cannot unpack mod.so: " + reason);
  }
  const std::string path = "/proc/self/fd/" + std::to_string(fd_);
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    const std::string reason = dlerror();
    close(fd_);
    throw BadPackage("mod.so does not load: " + reason);
  }
}

SharedObject::~SharedObject() {
  dlclose(handle_);
  close(fd_);
}

void* SharedObject::Find(const std::string& symbol) const { return dlsym(handle_, symbol.c_str()); }

}  // namespace tilewright::runtime
