#include "records/run_id.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace tilewright {

// FNV-1a, 128 bits (Fowler, Noll, Vo).
std::string HashOfText(std::string_view text) {
  const auto word = [](uint64_t high, uint64_t low) {
    return static_cast<unsigned __int128>(high) << 64 | low;
  };
  unsigned __int128 hash = word(0x6c62272e07bb0142, 0x62b821756295c58d);
  for (const unsigned char c : text) hash = (hash ^ c) * word(0x1000000, 0x13b);
  return absl::StrCat(absl::Hex(static_cast<uint64_t>(hash >> 64), absl::kZeroPad16),
                      absl::Hex(static_cast<uint64_t>(hash), absl::kZeroPad16));
}

std::string RunIdOfText(std::string_view text) { return absl::StrCat("log-", HashOfText(text)); }

}  // namespace tilewright
