#include "cli/npz/npz.h"

#include <zip.h>

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/npz/npy.h"

namespace tilewright {
namespace {

constexpr zip_int64_t kMaxArrays = 1024;
constexpr zip_uint64_t kMaxFileBytes = zip_uint64_t{4} << 30;  // of all arrays

struct Discard {
  void operator()(zip_t* zip) const { zip_discard(zip); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Zip = std::unique_ptr<zip_t, Discard>;

std::string Reason(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

absl::StatusOr<Zip> Open(const std::string& path) {
  int error = 0;
  Zip zip(zip_open(path.c_str(), ZIP_RDONLY, &error));
  if (zip != nullptr) return zip;
  const std::string text = absl::StrCat("cannot be read as npz: ", Reason(error));
  return error == ZIP_ER_NOENT || error == ZIP_ER_OPEN ? absl::NotFoundError(text)
                                                       : absl::InvalidArgumentError(text);
}

// Reads as many bytes as the directory promises, if the array's header promises as many.
absl::StatusOr<std::string> ReadMember(zip_t* zip, zip_uint64_t index, const std::string& name,
                                       zip_uint64_t size) {
  const auto damaged = absl::InvalidArgumentError(absl::StrCat("array ", name, ": it is damaged"));
  const std::unique_ptr<zip_file_t, Discard> file(zip_fopen_index(zip, index, 0));
  if (file == nullptr) return damaged;
  std::string bytes;
  // Grows with what is there: a lying directory does not make us allocate.
  for (char buffer[1 << 16]; bytes.size() < size;) {
    const bool first = bytes.empty();
    const zip_int64_t got = zip_fread(file.get(), buffer, sizeof(buffer));
    if (got <= 0) return damaged;
    bytes.append(buffer, static_cast<size_t>(got));
    if (first) TW_RETURN_IF_ERROR(CheckNpySize(name, bytes, size));
  }
  char beyond;  // reading to the end also checks the member's CRC
  if (bytes.size() != size || zip_fread(file.get(), &beyond, 1) != 0) return damaged;
  return bytes;
}

// `room` is what is left of kMaxFileBytes.
absl::StatusOr<NpzArray> ReadArray(zip_t* zip, zip_uint64_t index, zip_uint64_t* room) {
  zip_stat_t stat;
  if (zip_stat_index(zip, index, 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0 ||
      stat.name == nullptr) {
    return absl::InvalidArgumentError("a member of the npz has no name or size");
  }
  std::string name = stat.name;
  if (name.size() > 4 && name.ends_with(".npy")) name.resize(name.size() - 4);
  if (stat.size > *room) {
    return absl::InvalidArgumentError(
        absl::StrCat("array ", name, ": with those before it, it is larger than 4 GiB"));
  }
  *room -= stat.size;
  TW_ASSIGN_OR_RETURN(const std::string bytes, ReadMember(zip, index, name, stat.size));
  return ParseNpy(name, bytes);
}

absl::Status CannotWrite(const std::string& path, const std::string& why) {
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", why));
}

}  // namespace

absl::StatusOr<std::vector<NpzArray>> ReadNpz(const std::string& path) {
  absl::StatusOr<Zip> zip = Open(path);
  if (!zip.ok()) return zip.status();
  const zip_int64_t count = zip_get_num_entries(zip->get(), 0);
  if (count > kMaxArrays) return absl::InvalidArgumentError("it has more than 1024 arrays");
  std::vector<NpzArray> arrays;
  zip_uint64_t room = kMaxFileBytes;
  for (zip_int64_t i = 0; i < count; ++i) {
    TW_ASSIGN_OR_RETURN(arrays.emplace_back(),
                        ReadArray(zip->get(), static_cast<zip_uint64_t>(i), &room));
  }
  return arrays;
}

absl::Status WriteNpz(const std::string& path, const std::vector<NpzArray>& arrays) {
  int error = 0;
  Zip zip(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error));
  if (zip == nullptr) return CannotWrite(path, Reason(error));
  std::vector<std::string> members;  // libzip reads them when it closes
  members.reserve(arrays.size());
  for (const NpzArray& array : arrays) {
    const std::string& member = members.emplace_back(FormatNpy(array));
    zip_source_t* source = zip_source_buffer(zip.get(), member.data(), member.size(), 0);
    const zip_int64_t index =
        zip_file_add(zip.get(), (array.name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      return CannotWrite(path, zip_strerror(zip.get()));
    }
    zip_set_file_compression(zip.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  }
  if (zip_close(zip.get()) != 0) return CannotWrite(path, zip_strerror(zip.get()));
  static_cast<void>(zip.release());
  return absl::OkStatus();
}

}  // namespace tilewright
