#include "compiler/targets/support/emit_transpose.h"

#include <algorithm>
#include <span>

namespace tilewright {
namespace {

constexpr unsigned kSegmentBits = 128;

using Rows = std::span<llvm::Value* const>;

class ColumnEmitter {
 public:
  ColumnEmitter(llvm::IRBuilder<>& builder, llvm::Type* element, unsigned lanes)
      : builder_(builder),
        lanes_(lanes),
        segment_(std::min<unsigned>(lanes, kSegmentBits / element->getScalarSizeInBits())) {}

  llvm::Value* Column(Rows rows, unsigned column) const {
    return Segments(rows, column / segment_, column % segment_);
  }

 private:
  // Segment i of the result is column `at` of the i-th `segment_` rows, from segment `wanted` of
  // what Groups makes of them: each step keeps the segments whose number has the next bit.
  llvm::Value* Segments(Rows rows, unsigned wanted, unsigned at) const {
    const unsigned groups = rows.size() / segment_;
    if (groups == 1) return Groups(rows, at);
    const size_t half = rows.size() / 2;
    const unsigned odd = wanted / (groups / 2) & 1;
    return Pick(Segments(rows.first(half), wanted, at), Segments(rows.last(half), wanted, at), odd);
  }

  // Each segment holds, for `segment_ / n` of its columns, the n elements that the n rows have
  // there; part `part` of n has columns part * segment_ / n and on.
  llvm::Value* Groups(Rows rows, unsigned part) const {
    if (rows.size() == 1) return rows[0];
    const size_t half = rows.size() / 2;
    return Zip(Groups(rows.first(half), part / 2), Groups(rows.last(half), part / 2), half,
               part % 2);
  }

  // In each segment: units of `unit` elements of the lower or upper half, of x and y in turn.
  llvm::Value* Zip(llvm::Value* x, llvm::Value* y, unsigned unit, unsigned upper) const {
    std::vector<int> picked;
    for (unsigned start = upper * segment_ / 2; start < lanes_; start += segment_) {
      for (unsigned at = start; at < start + segment_ / 2; at += unit) {
        Append(at, unit, &picked);
        Append(lanes_ + at, unit, &picked);
      }
    }
    return builder_.CreateShuffleVector(x, y, picked);
  }

  // The even or odd segments of x, then those of y.
  llvm::Value* Pick(llvm::Value* x, llvm::Value* y, unsigned odd) const {
    std::vector<int> picked;
    for (unsigned at = odd * segment_; at < 2 * lanes_; at += 2 * segment_) {
      Append(at, segment_, &picked);
    }
    return builder_.CreateShuffleVector(x, y, picked);
  }

  static void Append(unsigned first, unsigned count, std::vector<int>* picked) {
    for (unsigned i = 0; i < count; ++i) picked->push_back(static_cast<int>(first + i));
  }

  llvm::IRBuilder<>& builder_;
  const unsigned lanes_, segment_;  // elements of a row and of 16 bytes of it
};

}  // namespace

llvm::Value* EmitColumn(llvm::IRBuilder<>& builder, const std::vector<llvm::Value*>& rows,
                        unsigned column) {
  llvm::Type* element = rows[0]->getType()->getScalarType();
  return ColumnEmitter(builder, element, rows.size()).Column(rows, column);
}

}  // namespace tilewright
