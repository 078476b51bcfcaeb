// A file's bytes, read through the page cache without a copy.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace tilewright::runtime {

class MappedFile {
 public:
  // Throws Error: NOT_FOUND with the system's reason when the file cannot be opened,
  // BAD_PACKAGE when it is empty or not a plain file.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Page-aligned; valid for the life of this object, as long as nobody truncates the file.
  std::string_view bytes() const { return {data_, size_}; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tilewright::runtime
