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

void CopyBox(const TensorView<const char>& from, const TensorView<char>& to, size_t element_bytes) {
  if (std::ranges::equal(from.shape, to.shape)) {
    std::memmove(to.data, from.data, Elements(to.shape) * element_bytes);
    return;
  }
  const auto from_row = from.shape.subspan(1), to_row = to.shape.subspan(1);
  const size_t from_step = Elements(from_row) * element_bytes;
  const size_t to_step = Elements(to_row) * element_bytes;
  for (int64_t i = 0; i < std::min(from.shape[0], to.shape[0]); ++i) {
    CopyBox({from.data + static_cast<size_t>(i) * from_step, from_row},
            {to.data + static_cast<size_t>(i) * to_step, to_row}, element_bytes);
  }
}

}  // namespace tilewright::runtime
