// The interpreter's compiled form: expressions become trees of small functions, chosen once by
// operation and dtype, on untyped 8-byte values. Used only by the interpreter.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "compiler/core/dtype.h"
#include "compiler/loop/stmt.h"

namespace tilewright::interpret {

// float32 and narrower floats in f, float64 in d, every integer and bool in i.
union Value {
  int64_t i;
  float f;
  double d;
};

// Who touched the elements of a block's shared buffers since the last barrier.
class Races {
 public:
  void Watch(size_t slot, int64_t elements);
  void Meet() { ++phase_; }
  // False: another thread touched the element too, and one of the two wrote.
  bool Touch(size_t slot, int64_t at, int32_t thread, bool write);

 private:
  static constexpr int32_t kSeveral = INT32_MAX;
  struct Seen {
    uint32_t phase = 0;
    int32_t writer = -1, reader = -1;
  };
  std::vector<std::vector<Seen>> seen_;  // by slot
  uint32_t phase_ = 1;
};

// What a thread stored asynchronously and what has not landed yet.
struct LateStore {
  size_t slot = 0;
  int64_t at = 0;  // in elements
  size_t bytes = 0;
  std::array<std::byte, 8> value = {};
  int64_t group = 0;
};

// One run's memory; of each thread in a block of a GPU program.
struct Frame {
  std::vector<int64_t> vars;        // by slot
  std::vector<std::byte*> buffers;  // by slot
  absl::Status failure;             // the first one
  bool failed = false;
  int32_t thread = 0;
  Races* races = nullptr;
  std::vector<LateStore> late;
  int64_t groups = 0;  // committed
};

struct Code;
using Function = Value (*)(const Code&, Frame&);

// A sum of multiples of loop variables.
struct Affine {
  struct Term {
    size_t slot;
    int64_t coefficient;
  };
  std::vector<Term> terms;
  int64_t constant = 0;

  int64_t At(const Frame& frame) const {
    int64_t sum = constant;
    for (const Term& term : terms) sum += term.coefficient * frame.vars[term.slot];
    return sum;
  }
};

// One dimension of an access that has to be checked.
struct Index {
  Affine affine;
  const Code* code = nullptr;  // instead of `affine`, where the index is not a plain sum
  int64_t extent = 0, stride = 0;
};

// An element of a buffer. Constant indices are checked when compiled and lie in `offset`.
struct Access {
  size_t slot = 0;
  int64_t offset = 0;
  std::vector<Index> indices;
  const BufferNode* buffer = nullptr;  // of the program being run
};

struct Code {
  Function run = nullptr;
  std::array<const Code*, 3> operands = {};
  Value literal = {};
  Affine affine;
  Access access;
};

// Compiles the expressions of one program. Owns the code.
class ExprCompiler {
 public:
  // Gives a loop variable or buffer its slot in the frame; again, the same one.
  size_t SlotOf(const Expr& var);
  size_t SlotOf(const Buffer& buffer);
  size_t vars() const { return vars_.size(); }
  size_t buffers() const { return buffers_.size(); }

  // REQUIRES: the program passes Verify.
  const Code* Compile(const Expr& e);
  Access CompileAccess(const Buffer& buffer, const std::vector<Expr>& indices);

 private:
  Code CompileNode(const Expr& e);
  Code CompileLiteral(const ExprNode& e);
  // Whether `e` is a plain sum over loop variables, and which.
  bool CompileAffine(const Expr& e, Affine* affine);

  std::deque<Code> codes_;
  std::unordered_map<const ExprNode*, size_t> vars_;
  std::unordered_map<const BufferNode*, size_t> buffers_;
};

// The functions of operators, calls and casts (interpret_ops.cc).
Function BinaryFunction(BinaryOp op, DType operands);
Function CallFunction(const std::string& name, DType operands);
Function CastFunction(DType from, DType to);

// Records an index outside its dimension.
void FailAccess(const Access& access, int64_t at, int64_t extent, Frame& frame);

// Records that two threads touch an element without a barrier between.
void FailRace(const Access& access, int64_t at, Frame& frame);

inline int64_t Evaluate(const Index& index, Frame& frame) {
  return index.code != nullptr ? index.code->run(*index.code, frame).i : index.affine.At(frame);
}

// Position of an access in its buffer, in elements; -1 and a failed frame outside its shape.
inline int64_t Locate(const Access& access, Frame& frame) {
  int64_t offset = access.offset;
  for (const Index& index : access.indices) {
    const int64_t at = Evaluate(index, frame);
    if (static_cast<uint64_t>(at) >= static_cast<uint64_t>(index.extent)) [[unlikely]] {
      FailAccess(access, at, index.extent, frame);
      return -1;
    }
    offset += at * index.stride;
  }
  return offset;
}

// The same in a buffer that threads share.
inline int64_t LocateShared(const Access& access, Frame& frame, bool write) {
  const int64_t at = Locate(access, frame);
  if (at < 0 || frame.races == nullptr) return at;
  if (frame.races->Touch(access.slot, at, frame.thread, write)) return at;
  FailRace(access, at, frame);
  return -1;
}

// What computes with elements of T: T itself, float for 16-bit floats.
template <typename T>
inline constexpr bool kIsNarrow = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <typename T>
using Register = std::conditional_t<kIsNarrow<T>, float, T>;

template <typename T>
Register<T> Get(Value value) {
  if constexpr (std::is_same_v<Register<T>, float>) {
    return value.f;
  } else if constexpr (std::is_same_v<T, double>) {
    return value.d;
  } else {
    return static_cast<T>(value.i);
  }
}

// The value rounded to T.
template <typename T>
Value Put(Register<T> value) {
  if constexpr (kIsNarrow<T>) {
    return {.f = T(value)};
  } else if constexpr (std::is_same_v<T, float>) {
    return {.f = value};
  } else if constexpr (std::is_same_v<T, double>) {
    return {.d = value};
  } else {
    return {.i = static_cast<int64_t>(value)};
  }
}

template <typename T>
Register<T> Operand(const Code& code, size_t i, Frame& frame) {
  const Code& operand = *code.operands[i];
  return Get<T>(operand.run(operand, frame));
}

}  // namespace tilewright::interpret
