#include <array>
#include <bit>
#include <cstring>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret_step.h"

namespace tilewright::interpret {
namespace {

// Nearest value of 10 bits of fraction, ties away from zero: PTX's cvt.rna.tf32.f32.
float RoundToTf32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  return std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

void FailTile(const TileOp& op, const char* what, Frame& frame) {
  if (frame.failed) return;
  frame.failed = true;
  frame.failure = absl::FailedPreconditionError(absl::StrCat(Sv(op.name), ": ", what));
}

// Position of the first element of a thread's operand; -1 where it leaves its buffer.
int64_t LocateOperand(const Step& step, size_t operand, Frame& frame) {
  const int64_t first = Locate(step.operands[2 * operand], frame);
  const int64_t last = Locate(step.operands[2 * operand + 1], frame);
  return frame.failed || last < 0 ? -1 : first;
}

// A thread's elements, in its own memory.
template <typename T>
T* ElementsOf(const Step& step, size_t operand, Frame& frame) {
  const int64_t at = LocateOperand(step, operand, frame);
  if (at < 0) return nullptr;
  return reinterpret_cast<T*>(frame.buffers[step.operands[2 * operand].slot]) + at;
}

template <typename T>
auto Factor(T value) {
  if constexpr (std::is_same_v<T, float>) return double{RoundToTf32(value)};
  if constexpr (std::is_integral_v<T>) return int64_t{value};
  if constexpr (!std::is_same_v<T, float> && !std::is_integral_v<T>) {
    return double{static_cast<float>(value)};
  }
}

// The matrices of one multiplication, gathered from the registers of a warp. Sums are exact to a
// double's digits and rounded once: the hardware's order is not specified.
template <typename T>
class Multiplication {
 public:
  using Exact = decltype(Factor(T{}));
  using Sum = std::conditional_t<std::is_integral_v<T>, int32_t, float>;

  Multiplication(const Step& step, std::span<Frame> warp) : op_(*step.tile) {
    for (int64_t t = 0; t < kWarpThreads; ++t) {
      Frame& frame = warp[static_cast<size_t>(t)];
      sums_[t] = ElementsOf<Sum>(step, 0, frame);
      const T* left = ElementsOf<T>(step, 1, frame);
      const T* right = ElementsOf<T>(step, 2, frame);
      if (frame.failed) return;
      Gather(Fragment::kLeft, t, left, kTileRows * op_.depth / kWarpThreads, left_);
      Gather(Fragment::kRight, t, right, kTileColumns * op_.depth / kWarpThreads, right_);
    }
    whole_ = true;
  }

  void Run() {
    if (!whole_) return;
    for (int64_t t = 0; t < kWarpThreads; ++t) {
      for (int64_t i = 0; i < 4; ++i) {
        const MatrixPlace at = FragmentOf(op_, Fragment::kSums, t, i);
        Exact sum = static_cast<Exact>(sums_[t][i]);
        for (int64_t k = 0; k < op_.depth; ++k) {
          sum += left_[at.row][k] * right_[k][at.column];
        }
        sums_[t][i] = static_cast<Sum>(sum);
      }
    }
  }

 private:
  static constexpr size_t kMostDepth = 32;
  using Matrix = std::array<std::array<Exact, kMostDepth>, kMostDepth>;

  void Gather(Fragment fragment, int64_t thread, const T* from, int64_t count, Matrix& to) {
    for (int64_t i = 0; i < count; ++i) {
      const MatrixPlace at = FragmentOf(op_, fragment, thread, i);
      to[at.row][at.column] = Factor(from[i]);
    }
  }

  const TileOp& op_;
  std::array<Sum*, kWarpThreads> sums_ = {};
  Matrix left_ = {}, right_ = {};
  bool whole_ = false;
};

// Rows of 16 bytes from shared memory to the registers of a warp.
class MatrixLoads {
 public:
  MatrixLoads(const Step& step, std::span<Frame> warp)
      : step_(step), warp_(warp), bytes_(static_cast<int64_t>(SizeOf(step.tile->type))) {}

  void Run() {
    for (size_t t = 0; t < warp_.size(); ++t) {
      rows_[t] = LocateOperand(step_, 1, warp_[t]);
      to_[t] = LocateOperand(step_, 0, warp_[t]);
      if (warp_[t].failed) return;
      if (rows_[t] * bytes_ % 16 != 0) {
        return FailTile(*step_.tile, "a row is not aligned to 16 bytes", warp_[t]);
      }
    }
    for (int64_t matrix = 0; matrix < step_.tile->matrices; ++matrix) {
      for (int64_t row = 0; row < 8; ++row) Spread(matrix, row);
    }
  }

 private:
  // To each element of a row, the thread that gets it and where in its word.
  void Spread(int64_t matrix, int64_t row) {
    const int64_t first = rows_[static_cast<size_t>(matrix * 8 + row)], word = 4 / bytes_;
    for (int64_t i = 0; i < 4 * word; ++i) {
      const bool transposed = step_.tile->transposed;
      const int64_t thread = transposed ? i * 4 + row / word : row * 4 + i / word;
      const int64_t within = transposed ? row % word : i % word;
      Copy(first + i, static_cast<size_t>(thread), matrix * word + within);
    }
  }

  void Copy(int64_t from, size_t thread, int64_t element) {
    const Access &source = step_.operands[2], &target = step_.operands[0];
    Frame& frame = warp_[thread];
    if (!frame.races->Touch(source.slot, from, frame.thread, /*write=*/false)) {
      return FailRace(source, from, frame);
    }
    std::memcpy(frame.buffers[target.slot] + (to_[thread] + element) * bytes_,
                frame.buffers[source.slot] + from * bytes_, static_cast<size_t>(bytes_));
  }

  const Step& step_;
  std::span<Frame> warp_;
  const int64_t bytes_;
  std::array<int64_t, kWarpThreads> rows_ = {}, to_ = {};
};

// The product of a warpgroup's rows in shared memory, as exactly as that of a warp's registers.
template <typename T>
class GroupMultiplication {
 public:
  GroupMultiplication(const Step& step, std::span<Frame> group)
      : step_(step),
        group_(group),
        left_(RowsOf(1, kGroupRows)),
        right_(RowsOf(2, step.tile->columns)) {}

  void Run() {
    for (int64_t t = 0; t < kGroupThreads; ++t) {
      Frame& frame = group_[static_cast<size_t>(t)];
      Sum* const sums = ElementsOf<Sum>(step_, 0, frame);
      if (frame.failed || left_ == nullptr || right_ == nullptr) return;
      for (int64_t i = 0; i < step_.tile->columns / 2; ++i) {
        const MatrixPlace at = FragmentOf(*step_.tile, Fragment::kSums, t, i);
        auto sum = static_cast<Exact>(sums[i]);
        for (int64_t k = 0; k < kRow; ++k) {
          sum += Factor(left_[at.row * kRow + k]) * Factor(right_[PlaceInRight(at.column, k)]);
        }
        sums[i] = static_cast<Sum>(sum);
      }
    }
  }

 private:
  using Exact = typename Multiplication<T>::Exact;
  using Sum = typename Multiplication<T>::Sum;
  static constexpr int64_t kRow = kRowBytes / static_cast<int64_t>(sizeof(T));

  int64_t PlaceInRight(int64_t column, int64_t k) const {
    if (!step_.tile->transposed) return column * kRow + k;
    return (column / kRow * kRow + k) * kRow + column % kRow;
  }

  // The first of `rows` rows that all threads name.
  const T* RowsOf(size_t operand, int64_t rows) {
    const Access& access = step_.operands[2 * operand];
    Frame& first = group_[0];
    const int64_t at = LocateOperand(step_, operand, first);
    for (Frame& frame : group_) {
      if (LocateOperand(step_, operand, frame) == at) continue;
      FailTile(*step_.tile, "threads of a warpgroup name different rows", first);
    }
    const TensorType type{.dtype = access.buffer->dtype, .shape = access.buffer->shape};
    if (at + rows * kRow > NumElements(type.shape)) {
      FailTile(*step_.tile, "rows outside their buffer", first);
    }
    return first.failed ? nullptr : reinterpret_cast<const T*>(first.buffers[access.slot]) + at;
  }

  const Step& step_;
  std::span<Frame> group_;
  const T *left_, *right_;
};

// A box, row after row; zeros outside its source.
void LoadBox(const Step& step, Frame& frame) {
  const BufferNode &to = *step.operands[0].buffer, &from = *step.operands[2].buffer;
  const int64_t bytes = static_cast<int64_t>(SizeOf(to.dtype)),
                at = Locate(step.operands[0], frame);
  if (at < 0) return;
  std::byte* next = frame.buffers[step.operands[0].slot] + at * bytes;
  std::vector<int64_t> first;
  for (const Code* index : step.box) first.push_back(index->run(*index, frame).i);
  const std::span<const int64_t> box = std::span(to.shape).last(from.shape.size());
  int64_t count = 1;
  for (const int64_t extent : box) count *= extent;
  for (int64_t i = 0; i < count; ++i, next += bytes) {
    int64_t rest = i, offset = 0, stride = 1;
    bool inside = true;
    for (size_t d = box.size(); d-- > 0; rest /= box[d], stride *= from.shape[d]) {
      const int64_t index = first[d] + rest % box[d];
      inside = inside && index >= 0 && index < from.shape[d];
      offset += index * stride;
    }
    const std::byte* source = frame.buffers[step.operands[2].slot] + offset * bytes;
    if (inside) std::memcpy(next, source, static_cast<size_t>(bytes));
    if (!inside) std::memset(next, 0, static_cast<size_t>(bytes));
  }
}

}  // namespace

int64_t ThreadsOf(const TileOp& op) {
  return op.loads_box ? 1 : op.columns > 0 ? kGroupThreads : kWarpThreads;
}

void RunTile(const Step& step, std::span<Frame> warp) {
  const TileOp& op = *step.tile;
  if (op.loads_box) return LoadBox(step, warp[0]);
  if (op.matrices > 0) return MatrixLoads(step, warp).Run();
  if (op.columns > 0 && op.type == DType::kF16) {
    return GroupMultiplication<Float16>(step, warp).Run();
  }
  if (op.columns > 0 && op.type == DType::kBF16) {
    return GroupMultiplication<BFloat16>(step, warp).Run();
  }
  if (op.columns > 0) return GroupMultiplication<int8_t>(step, warp).Run();
  switch (step.tile->type) {
    case DType::kF16: return Multiplication<Float16>(step, warp).Run();
    case DType::kBF16: return Multiplication<BFloat16>(step, warp).Run();
    case DType::kF32: return Multiplication<float>(step, warp).Run();
    default: return Multiplication<int8_t>(step, warp).Run();
  }
}

}  // namespace tilewright::interpret
