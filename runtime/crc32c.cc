#include "runtime/crc32c.h"

#include <array>
#include <cstring>

namespace tilewright::runtime {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // reflected

using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < 8; ++slice) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

// One table look-up per byte of an 8-byte word (slicing by 8: Kounavis and Berry, "A Systematic
// Approach to Building High Performance Software-based CRC Generators", 2005).
uint32_t WordByTables(uint32_t crc, uint64_t word) {
  word ^= crc;
  crc = 0;
  for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][word >> (8 * i) & 0xff];
  return crc;
}

// Words are little-endian, as the package's tensors are.
uint64_t WordAt(std::string_view bytes, size_t at) {
  uint64_t word;
  std::memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

uint32_t Tail(uint32_t crc, std::string_view bytes) {
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t ByInstruction(std::string_view bytes) {
  uint64_t crc = ~uint32_t{0};
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) crc = __builtin_ia32_crc32di(crc, WordAt(bytes, at));
  return Tail(static_cast<uint32_t>(crc), bytes.substr(at));
}
#endif

}  // namespace

uint32_t PortableCrc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) crc = WordByTables(crc, WordAt(bytes, at));
  return Tail(crc, bytes.substr(at));
}

uint32_t Crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ByInstruction(bytes);
#endif
  return PortableCrc32c(bytes);
}

}  // namespace tilewright::runtime
