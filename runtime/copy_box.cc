#include "runtime/copy_box.h"

#include <algorithm>
#include <cstring>

namespace tilewright::runtime {
namespace {

size_t Elements(std::span<const int64_t> shape) {
  size_t elements = 1;
  for (const int64_t extent : shape) elements *= static_cast<size_t>(extent);
  return elements;
}

}  // namespace

void CopyBox(const char* from, std::span<const int64_t> from_shape, char* to,
             std::span<const int64_t> to_shape, size_t element_bytes) {
  if (std::ranges::equal(from_shape, to_shape)) {
    std::memmove(to, from, Elements(to_shape) * element_bytes);
    return;
  }
  const auto from_row = from_shape.subspan(1), to_row = to_shape.subspan(1);
  const size_t from_step = Elements(from_row) * element_bytes;
  const size_t to_step = Elements(to_row) * element_bytes;
  for (int64_t i = 0; i < std::min(from_shape[0], to_shape[0]); ++i) {
    CopyBox(from + static_cast<size_t>(i) * from_step, from_row,
            to + static_cast<size_t>(i) * to_step, to_row, element_bytes);
  }
}

}  // namespace tilewright::runtime
