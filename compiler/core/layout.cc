#include "compiler/core/layout.h"

#include <cctype>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tilewright {

absl::StatusOr<Layout> Layout::Parse(std::string_view name) {
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(name), "\" is not a layout like NCHW16c: ", why));
  };
  Layout layout;
  layout.name_ = std::string(name);
  int64_t factor = 0;
  for (char c : name) {
    if (std::isdigit(static_cast<unsigned char>(c))) {
      // One text a layout: keys that differ name workloads that differ.
      if (factor == 0 && c == '0') return bad("a block starts with 0");
      factor = factor * 10 + (c - '0');
      if (factor > 1024) return bad("block above 1024");
    } else if (std::isupper(static_cast<unsigned char>(c))) {
      if (factor != 0) return bad("a block needs a lower-case letter");
      if (layout.letters_.find(c) != std::string::npos) return bad("dimension named twice");
      layout.letters_ += c;
    } else {
      const size_t dim =
          layout.letters_.find(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
      if (dim == std::string::npos || factor < 2) return bad("unknown block");
      layout.blocks_.push_back({.dim = dim, .factor = factor});
      factor = 0;
    }
  }
  if (factor != 0) return bad("dangling number");
  return layout;
}

int64_t Layout::BlockOf(char letter) const {
  for (const Block& block : blocks_) {
    if (letters_[block.dim] == letter) return block.factor;
  }
  return 1;
}

Shape Layout::Physical(const Shape& logical) const {
  Shape shape = logical;
  for (const Block& block : blocks_) {
    shape[block.dim] = (shape[block.dim] + block.factor - 1) / block.factor;
  }
  for (const Block& block : blocks_) shape.push_back(block.factor);
  return shape;
}

Tensor PackTensor(const Tensor& plain, const Layout& layout) {
  const Shape& logical = plain.shape();
  const Shape physical = layout.Physical(logical);
  Tensor packed(TensorType{.dtype = plain.dtype(), .shape = physical});
  const size_t bytes = SizeOf(plain.dtype());
  const auto* from = static_cast<const std::byte*>(plain.data());
  auto* to = static_cast<std::byte*>(packed.data());
  const int64_t n = packed.size();
  Shape index(physical.size(), 0);
  for (int64_t i = 0; i < n; ++i) {
    int64_t offset = 0;
    bool inside = true;
    for (size_t d = 0; d < logical.size(); ++d) {
      int64_t at = index[d];
      for (size_t b = 0; b < layout.blocks().size(); ++b) {
        const Layout::Block& block = layout.blocks()[b];
        if (block.dim == d) at = at * block.factor + index[logical.size() + b];
      }
      inside = inside && at < logical[d];
      offset = offset * logical[d] + at;
    }
    if (inside) std::memcpy(to + i * bytes, from + offset * bytes, bytes);
    for (size_t d = physical.size(); d-- > 0;) {
      if (++index[d] < physical[d]) break;
      index[d] = 0;
    }
  }
  return packed;
}

}  // namespace tilewright
