// The words and operators that the printer and the parser of loop programs share.
#pragma once

#include <array>
#include <string_view>

#include "compiler/loop/stmt.h"

namespace tilewright {

// By LoopKind.
inline constexpr std::array<std::string_view, 4> kLoopWords = {"for", "parallel", "vector",
                                                               "unroll"};

// By ThreadAxis; kNone has no word.
inline constexpr std::array<std::string_view, 7> kAxisWords = {
    "", "block_x", "block_y", "block_z", "thread_x", "thread_y", "thread_z"};

// By Scope, of a declared buffer.
inline constexpr std::array<std::string_view, 4> kScopeWords = {"", "stack", "shared", "register"};

// How an operator is written; precedence 0 means as a call, higher binds tighter.
struct Operator {
  BinaryOp op;
  std::string_view symbol;
  int precedence;
};

// In the order of BinaryOp; && and || are & and | on bool. Comparisons do not chain; all others
// associate to the left.
inline constexpr std::array<Operator, 16> kOperators = {{{BinaryOp::kAdd, "+", 7},
                                                         {BinaryOp::kSub, "-", 7},
                                                         {BinaryOp::kMul, "*", 8},
                                                         {BinaryOp::kDiv, "/", 8},
                                                         {BinaryOp::kMod, "%", 8},
                                                         {BinaryOp::kMin, "min", 0},
                                                         {BinaryOp::kMax, "max", 0},
                                                         {BinaryOp::kLt, "<", 6},
                                                         {BinaryOp::kLe, "<=", 6},
                                                         {BinaryOp::kEq, "==", 6},
                                                         {BinaryOp::kNe, "!=", 6},
                                                         {BinaryOp::kAnd, "&", 5},
                                                         {BinaryOp::kOr, "|", 3},
                                                         {BinaryOp::kXor, "^", 4},
                                                         {BinaryOp::kAnd, "&&", 2},
                                                         {BinaryOp::kOr, "||", 1}}};

inline const Operator& OperatorOf(BinaryOp op, DType operands) {
  if (operands == DType::kBool && op == BinaryOp::kAnd) return kOperators[14];
  if (operands == DType::kBool && op == BinaryOp::kOr) return kOperators[15];
  return kOperators[static_cast<size_t>(op)];
}

}  // namespace tilewright
