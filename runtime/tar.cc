// ustar as POSIX.1-1988 defines it: 512-byte headers with octal numbers, data padded to 512,
// two zero blocks at the end. A size that 11 octal digits cannot hold (8 GiB) is written as GNU tar
// and POSIX readers have it: the first byte 0x80, then the number in base 256, big-endian.
#include "runtime/tar.h"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "runtime/error.h"
#include "runtime/package.h"

namespace tilewright {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kMaxMembers = 64;
constexpr uint64_t kMaxOctal = (uint64_t{1} << 33) - 1;  // 11 digits
constexpr unsigned char kBase256 = 0x80;

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
  char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
static_assert(sizeof(Header) == kBlock);

// Sum of the header's bytes with the checksum field read as spaces.
unsigned Checksum(Header header) {
  std::memset(header.checksum, ' ', sizeof(header.checksum));
  unsigned sum = 0;
  const auto* byte = reinterpret_cast<const unsigned char*>(&header);
  for (size_t i = 0; i < kBlock; ++i) sum += byte[i];
  return sum;
}

void PutSize(uint64_t size, char (&field)[12]) {
  if (size <= kMaxOctal) {
    std::snprintf(field, sizeof(field), "%011llo", static_cast<unsigned long long>(size));
    return;
  }
  field[0] = static_cast<char>(kBase256);
  for (size_t i = sizeof(field); i-- > 1; size >>= 8) field[i] = static_cast<char>(size & 0xff);
}

Header MakeHeader(const std::string& name, uint64_t size) {
  Header header = {};
  if (name.size() >= sizeof(header.name)) {
    throw std::length_error("a tar member's name is too long: " + name);
  }
  std::memcpy(header.name, name.data(), name.size());
  std::snprintf(header.mode, sizeof(header.mode), "0000644");
  std::snprintf(header.uid, sizeof(header.uid), "0000000");
  std::snprintf(header.gid, sizeof(header.gid), "0000000");
  PutSize(size, header.size);
  std::snprintf(header.mtime, sizeof(header.mtime), "00000000000");  // same input, same bytes
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::snprintf(header.checksum, sizeof(header.checksum), "%06o", Checksum(header));
  header.checksum[7] = ' ';
  return header;
}

size_t Padded(uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

}  // namespace

void WriteTar(const TarMembers& members, const ByteSink& sink) {
  static constexpr char kZeros[2 * kBlock] = {};
  for (const auto& [name, contents] : members) {
    const Header header = MakeHeader(name, contents.size());
    sink({reinterpret_cast<const char*>(&header), kBlock});
    sink(contents);
    sink({kZeros, Padded(contents.size()) - contents.size()});
  }
  sink({kZeros, sizeof(kZeros)});
}

std::string WriteTar(const TarMembers& members) {
  std::string tar;
  WriteTar(members, [&tar](std::string_view bytes) { tar.append(bytes); });
  return tar;
}

namespace runtime {
namespace {

// An octal field, ended by a space, a zero or the field itself.
uint64_t ReadOctal(const char* field, size_t width) {
  uint64_t value = 0;
  size_t digits = 0;
  for (; digits < width && field[digits] >= '0' && field[digits] <= '7'; ++digits) {
    value = value * 8 + static_cast<uint64_t>(field[digits] - '0');
  }
  if (digits == 0) throw BadPackage("a number in a tar header is unreadable");
  return value;
}

uint64_t ReadSize(const char (&field)[12]) {
  if (static_cast<unsigned char>(field[0]) != kBase256) {
    return ReadOctal(field, sizeof(field) - 1);
  }
  uint64_t size = 0;
  for (size_t i = 1; i < sizeof(field); ++i) {
    if (size >> 48 != 0) throw BadPackage("a member's size in a tar header is out of range");
    size = size << 8 | static_cast<unsigned char>(field[i]);
  }
  return size;
}

bool IsEndMark(const Header& header) {
  static constexpr char kZeros[kBlock] = {};
  return std::memcmp(&header, kZeros, kBlock) == 0;
}

std::string CheckedName(const Header& header) {
  if (std::memcmp(header.magic, "ustar", 5) != 0) {
    throw BadPackage("this is not a tar file as `tilewright compile` writes it");
  }
  if (ReadOctal(header.checksum, sizeof(header.checksum)) != Checksum(header)) {
    throw BadPackage("a tar header is damaged: its checksum is wrong");
  }
  std::string name(header.name, strnlen(header.name, sizeof(header.name)));
  if (header.type != '0' && header.type != '\0') {
    throw BadPackage("member " + name + " is not a plain file");
  }
  return name;
}

}  // namespace

std::map<std::string, std::string_view> ReadTar(std::string_view bytes) {
  std::map<std::string, std::string_view> members;
  size_t at = 0;
  while (bytes.size() - at >= kBlock) {
    Header header;
    std::memcpy(&header, bytes.data() + at, kBlock);
    if (IsEndMark(header)) return members;
    const std::string name = CheckedName(header);
    const uint64_t size = ReadSize(header.size);
    at += kBlock;
    if (size > bytes.size() - at || Padded(size) > bytes.size() - at) {
      throw BadPackage("the file ends inside member " + name);
    }
    if (!members.emplace(name, bytes.substr(at, size)).second) {
      throw BadPackage("member " + name + " appears twice");
    }
    if (members.size() > kMaxMembers) throw BadPackage("more than 64 tar members");
    at += Padded(size);
  }
  throw BadPackage("the file ends before the end of the tar; was it truncated?");
}

}  // namespace runtime
}  // namespace tilewright
