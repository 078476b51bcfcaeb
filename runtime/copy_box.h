// Copying between tensors of one rank that differ in extents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tilewright::runtime {

// Copies the elements whose indices are in both shapes, row-major on both sides. `to` may be `from`
// when none of its extents is larger: rows then move towards the front, in order.
void CopyBox(const char* from, std::span<const int64_t> from_shape, char* to,
             std::span<const int64_t> to_shape, size_t element_bytes);

}  // namespace tilewright::runtime
