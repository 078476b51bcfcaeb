// CRC-32C (Castagnoli, as iSCSI and ext4 use it): tells a damaged package from a good one. Chosen
// because x86 has an instruction for it: weights of half a gigabyte are checked in 0.1 s.
#pragma once

#include <cstdint>
#include <string_view>

namespace tilewright::runtime {

uint32_t Crc32c(std::string_view bytes);

// The same without the instruction; for other CPUs and for tests.
uint32_t PortableCrc32c(std::string_view bytes);

}  // namespace tilewright::runtime
