// What a kernel's launch needs beyond its operands. A module says it of each such kernel in a
// constant tw_needs_<kernel> (compiler/targets/support/c_pipeline.h), so that no package and no
// protocol has to: 64-bit words, their number first, then the bytes of shared memory, the number of
// maps, and of each map its operand, bytes an element, dimensions, extents and box. Values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tilewright::runtime {

// Boxes of an operand, a dense tensor: parameters of the kernel after its operands. Rows of a box
// have 128 bytes and lie swizzled by as many in shared memory; what is outside the tensor is zero.
struct TensorMap {
  int64_t operand = 0, element_bytes = 0;
  std::vector<int64_t> extents, box;  // the last dimension's elements are neighbours
};

struct LaunchNeeds {
  int64_t shared_bytes = 0;
  std::vector<TensorMap> maps;
};

inline constexpr size_t kMostNeedsWords = 256;

// The words after their number. Throws Error BAD_PACKAGE for what no kernel of ours says.
LaunchNeeds ReadLaunchNeeds(std::span<const int64_t> words);

}  // namespace tilewright::runtime
