// Scalar expressions of the loop IR: immutable, shared, one node type. Thread-safe.
//
// Indices are kI64; element values have the buffer's dtype; comparisons and logic give kBool.
// Integer division and modulo are floor division and its non-negative modulo for kI64 index
// arithmetic (divisor > 0). && and || on bool evaluate the right side only where the left one has
// not decided. min(a, b) is b < a ? b : a and max(a, b) is a < b ? b : a, so a NaN in the first
// operand stays. Casts of floats to integers saturate; NaN gives 0. Other casts of integers and
// integer arithmetic wrap like two's complement.
//
// Arithmetic and calls on 16-bit floats are done in float32 and each result is rounded to the
// type; casts to them go by way of float32. What shall not be rounded on the way, such as a sum,
// is of type float32.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/core/dtype.h"

namespace tilewright {

enum class ExprKind {
  kInt,     // literal of any integer dtype or kBool: `ivalue` (of kU64 its bits)
  kFloat,   // literal of a float dtype: `fvalue`
  kVar,     // loop variable or the accumulator: `name`; identity is the node's address
  kLoad,    // buffer[operands...]: `buffer`, one operand per dimension (kI64)
  kCall,    // `name` in the table below, on operands
  kBinary,  // `op` on two operands of one dtype
  kSelect,  // operands[0] (kBool) ? operands[1] : operands[2]; only the chosen side is evaluated
  kCast,    // operands[0] converted to dtype (float to integer truncates; to bool is != 0)
};

// clang-format off
enum class BinaryOp { kAdd, kSub, kMul, kDiv, kMod, kMin, kMax,
                      kLt, kLe, kEq, kNe, kAnd, kOr, kXor };  // kAnd..kXor: bool or integer bits
// clang-format on
inline bool IsComparison(BinaryOp op) { return op >= BinaryOp::kLt && op <= BinaryOp::kNe; }

// Calls (float unless noted): exp log sqrt tanh sin cos tan asin acos atan sinh cosh asinh acosh
// atanh erf floor ceil round (half to even) abs (any number) neg (any number) sign (any number)
// not (bool) pow (two operands) fmod (two: C's fmod) isnan isinf (give bool) fma (three)
// shl shr (two, integers). dot2, dot4 (two, int32): the sum of the products of two signed 16-bit
// halves; of four bytes, the first operand's unsigned and the second's signed. pair (two bfloat16,
// gives int32): the word of their bits, the first in the lower half; dot2_bf16 (two int32, gives
// float32): the sum of the products of two such words. CPUs have them.

struct ExprNode;
using Expr = std::shared_ptr<const ExprNode>;
struct BufferNode;
using Buffer = std::shared_ptr<const BufferNode>;

// Where a buffer lives.
enum class Scope {
  kGlobal,    // an argument of the program
  kStack,     // scratch inside the kernel, of each thread on a GPU; at most 512 KiB in all
  kShared,    // one for all threads of a block of a GPU program
  kRegister,  // an accumulator tile: every index must be constant after unrolling (except the
              // vectorised one), so that code generation keeps it in registers
};

struct BufferNode {
  std::string name;  // unique in a program: [A-Za-z_][A-Za-z0-9_]*
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  Scope scope = Scope::kGlobal;
};

struct ExprNode {
  ExprKind kind;
  DType dtype;
  int64_t ivalue = 0;
  double fvalue = 0;
  std::string name;
  BinaryOp op = BinaryOp::kAdd;
  Buffer buffer;
  std::vector<Expr> operands;
};

// Builders. Those for kI64 index arithmetic fold constants and drop neutral elements (x+0, x*1,
// x*0, 0/x ...), so that generated indices stay short. REQUIRES: operand dtypes agree.
Expr Int(int64_t value, DType dtype = DType::kI64);  // wrapped to the type
Expr Bool(bool value);
Expr Float(double value, DType dtype = DType::kF32);  // rounded to the type
// Literal of any dtype; an integer one saturates. REQUIRES: not NaN for an integer.
Expr Const(double value, DType dtype);
Expr Var(std::string name, DType dtype = DType::kI64);
Expr Load(Buffer buffer, std::vector<Expr> indices);
Expr Call(std::string name, std::vector<Expr> operands, DType dtype);
Expr Binary(BinaryOp op, Expr a, Expr b);
Expr Select(Expr condition, Expr yes, Expr no);
Expr Cast(Expr value, DType dtype);

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator+(Expr a, int64_t b);
Expr operator-(Expr a, int64_t b);
Expr operator*(Expr a, int64_t b);
Expr FloorDiv(Expr a, int64_t b);
Expr FloorMod(Expr a, int64_t b);
Expr Min(Expr a, Expr b);
Expr Max(Expr a, Expr b);
Expr Lt(Expr a, Expr b);
Expr Le(Expr a, Expr b);
Expr Eq(Expr a, Expr b);
// Null operands are "true", so conditions can be accumulated from nothing.
Expr And(Expr a, Expr b);
Expr Or(Expr a, Expr b);

Buffer MakeBuffer(std::string name, DType dtype, std::vector<int64_t> shape,
                  Scope scope = Scope::kGlobal);

// The literal's value; nullptr-safe. nullopt when `e` is not an integer literal.
const int64_t* AsInt(const Expr& e);

// Same structure: equal literals, the same variables and buffers.
bool Equal(const Expr& a, const Expr& b);

}  // namespace tilewright
