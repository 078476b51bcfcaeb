// CRC-32 (IEEE 802.3, as zlib and gzip compute it): tells a damaged package from a good one.
#pragma once

#include <cstdint>
#include <string_view>

namespace tilewright::runtime {

uint32_t Crc32(std::string_view bytes);

}  // namespace tilewright::runtime
