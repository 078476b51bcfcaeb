// Tensor layouts by name: "NCHW", "NCHW16c" (channels blocked by 16, innermost), "OIHW16i16o",
// "NK16n". Upper-case letters are logical dimensions in order; a number and a lower-case letter
// append an inner block of that dimension. A blocked dimension that the block does not divide is
// padded: its outer extent is the ceiling, and the padding holds zeros.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"

namespace tilewright {

class Layout {
 public:
  // Rank-0 layout.
  Layout() = default;
  // InvalidArgument with the text on a malformed name.
  static absl::StatusOr<Layout> Parse(std::string_view name);

  const std::string& name() const { return name_; }
  // Number of logical dimensions.
  size_t rank() const { return letters_.size(); }
  bool blocked() const { return !blocks_.empty(); }
  // Inner block of a logical dimension letter; 1 when not blocked.
  int64_t BlockOf(char letter) const;
  // Physical shape of a logical shape, padding included. REQUIRES: logical.size() == rank().
  Shape Physical(const Shape& logical) const;

  struct Block {
    size_t dim;      // logical dimension
    int64_t factor;  // > 1
  };
  const std::vector<Block>& blocks() const { return blocks_; }
  const std::string& letters() const { return letters_; }

  friend bool operator==(const Layout& a, const Layout& b) { return a.name_ == b.name_; }

 private:
  std::string name_;
  std::string letters_;
  std::vector<Block> blocks_;
};

// Copies a plain row-major tensor into a blocked layout, zero padding. REQUIRES: ranks agree.
Tensor PackTensor(const Tensor& plain, const Layout& layout);

}  // namespace tilewright
