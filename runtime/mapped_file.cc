#include "runtime/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

size_t SizeOfPlainFile(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    throw BadPackage(path + " is not a plain file");
  }
  if (info.st_size == 0) throw BadPackage(path + " is empty");
  return static_cast<size_t>(info.st_size);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(TW_NOT_FOUND, "cannot open " + path + ": " + std::strerror(errno));
  try {
    size_ = SizeOfPlainFile(fd, path);
  } catch (...) {
    close(fd);
    throw;
  }
  void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (data == MAP_FAILED) {
    throw Error(TW_INTERNAL, "cannot map " + path + ": " + std::strerror(error));
  }
  data_ = static_cast<char*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace tilewright::runtime
