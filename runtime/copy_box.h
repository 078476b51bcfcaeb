// Copying between tensors of one rank that differ in extents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tilewright::runtime {

// A tensor that lies row-major from `data` on; neither part is owned. `Byte`: char or const char.
template <typename Byte>
struct TensorView {
  Byte* data;
  std::span<const int64_t> shape;
};

// Copies the elements whose indices are in both shapes. `to` may begin where `from` does when none
// of its extents is larger: rows then move towards the front, in order.
void CopyBox(const TensorView<const char>& from, const TensorView<char>& to, size_t element_bytes);

}  // namespace tilewright::runtime
