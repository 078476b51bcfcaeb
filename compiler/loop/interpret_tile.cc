#include <cstring>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret_step.h"

namespace tilewright::interpret {
namespace {

constexpr int64_t kRowAlignment = 16;

template <typename T>
double ToDouble(T value) {
  return static_cast<double>(static_cast<Register<T>>(value));
}

// Rounded, or modulo the integer type's range.
template <typename T>
T FromDouble(double value) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<int64_t>(value));
  if constexpr (!std::is_integral_v<T>) return T(static_cast<Register<T>>(value));
}

// One instruction of the threads that have come to it: its matrices are gathered from what they
// name and computed with, and the first is spread again.
class TileRun {
 public:
  TileRun(const Step& step, std::span<Frame> threads) : step_(step), threads_(threads) {}

  void Run() {
    std::vector<TileMatrix> matrices;
    for (size_t i = 0; i < op_.operands.size(); ++i) {
      if (!Locate(i)) return;
      matrices.push_back(Gather(i));
    }
    op_.compute(matrices);
    Spread(matrices[0]);
  }

 private:
  const Access& AccessOf(size_t operand) const { return step_.operands[2 * operand]; }

  // Where each thread's elements begin.
  bool Locate(size_t operand) {
    const bool shared = op_.operands[operand].scope == Scope::kShared;
    for (Frame& frame : threads_) {
      const int64_t first = interpret::Locate(step_.operands[2 * operand], frame);
      const int64_t last = interpret::Locate(step_.operands[2 * operand + 1], frame);
      if (frame.failed || last < 0) return false;
      const auto size = static_cast<int64_t>(SizeOf(op_.operands[operand].dtype));
      if (shared && first * size % kRowAlignment != 0) {
        return Fail("a row is not aligned to 16 bytes", frame);
      }
      first_[operand].push_back(first);
    }
    return !shared || op_.threads != TileThreads::kGroup || IsOneMatrix(operand);
  }

  bool IsOneMatrix(size_t operand) {
    const TileOperand& matrix = op_.operands[operand];
    const std::vector<int64_t>& first = first_[operand];
    for (const int64_t other : first) {
      if (other == first[0]) continue;
      return Fail("threads of a warpgroup name different rows", threads_[0]);
    }
    const int64_t end = first[0] + matrix.rows * matrix.columns;
    if (end <= NumElements(AccessOf(operand).buffer->shape)) return true;
    return Fail("rows outside their buffer", threads_[0]);
  }

  // Calls fn(frame, position in the buffer, place in the matrix).
  template <typename Fn>
  void ForEachElement(size_t operand, Fn fn) {
    const TileOperand& matrix = op_.operands[operand];
    const std::vector<int64_t>& first = first_[operand];
    if (matrix.scope == Scope::kShared && op_.threads == TileThreads::kGroup) {
      for (int64_t i = 0; i < matrix.rows * matrix.columns; ++i) {
        fn(threads_[0], first[0] + i, MatrixPlace{i / matrix.columns, i % matrix.columns});
      }
      return;
    }
    const bool rows = matrix.scope == Scope::kShared;
    const auto threads = static_cast<int64_t>(threads_.size());
    for (int64_t t = 0; t < (rows ? matrix.rows : threads); ++t) {
      for (int64_t i = 0; i < matrix.elements; ++i) {
        const MatrixPlace at = rows ? MatrixPlace{t, i} : matrix.place(matrix, t, i);
        fn(threads_[static_cast<size_t>(t)], first[static_cast<size_t>(t)] + i, at);
      }
    }
  }

  TileMatrix Gather(size_t operand) {
    const TileOperand& of = op_.operands[operand];
    TileMatrix matrix{.rows = of.rows, .columns = of.columns};
    matrix.elements.resize(static_cast<size_t>(of.rows * of.columns));
    const bool written = operand == 0;
    Dispatch(of.dtype, [&]<typename T>() {
      ForEachElement(operand, [&](Frame& frame, int64_t at, MatrixPlace place) {
        if (!written) Touch(operand, at, frame, /*write=*/false);
        const auto* buffer = reinterpret_cast<const T*>(frame.buffers[AccessOf(operand).slot]);
        matrix.At(place.row, place.column) = ToDouble(buffer[at]);
      });
    });
    return matrix;
  }

  void Spread(const TileMatrix& matrix) {
    Dispatch(op_.operands[0].dtype, [&]<typename T>() {
      ForEachElement(0, [&](Frame& frame, int64_t at, MatrixPlace place) {
        Touch(0, at, frame, /*write=*/true);
        auto* buffer = reinterpret_cast<T*>(frame.buffers[AccessOf(0).slot]);
        buffer[at] = FromDouble<T>(matrix.At(place.row, place.column));
      });
    });
  }

  // Slots of a pipeline are filled and used in its order.
  void Touch(size_t operand, int64_t at, Frame& frame, bool write) {
    if (op_.operands[operand].scope != Scope::kShared) return;
    if (op_.threads == TileThreads::kGroup) return;
    const Access& access = AccessOf(operand);
    if (!frame.races->Touch(access.slot, at, frame.thread, write)) FailRace(access, at, frame);
  }

  bool Fail(const char* what, Frame& frame) {
    frame.failed = true;
    frame.failure = absl::FailedPreconditionError(absl::StrCat(op_.name, ": ", what));
    return false;
  }

  const Step& step_;
  const TileOp& op_ = *step_.tile;
  std::span<Frame> threads_;
  std::array<std::vector<int64_t>, kMostTileOperands> first_;  // by operand and thread
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

void RunTile(const Step& step, std::span<Frame> threads) {
  if (step.tile->threads == TileThreads::kOne) return LoadBox(step, threads[0]);
  TileRun(step, threads).Run();
}

}  // namespace tilewright::interpret
