// Expressions as C text. Used only by c_text.cc.
#pragma once

#include <string>
#include <unordered_map>

#include "compiler/loop/simplify.h"

namespace tilewright {

// Names of variables, buffers and shared subexpressions in the text so far, what is known of the
// variables, and whether the compiler must leave products of floats rounded before they are added:
// what is rounded to integers comes out the same however it is scheduled.
struct CNames {
  std::unordered_map<const ExprNode*, std::string> exprs;
  std::unordered_map<const BufferNode*, std::string> buffers;
  Ranges ranges;
  bool exact = false;
};

// The type that holds a value of the dtype: "tw_f32" also for the 16-bit floats, which are bits in
// memory and are computed with in float32.
std::string CValueType(DType dtype);

// A literal whose bytes are all zero.
bool IsZeroBits(const Expr& e);

// REQUIRES: every variable and buffer of `e` has a name.
std::string CText(const Expr& e, const CNames& names);
// The same as memory holds it.
std::string CStored(const Expr& value, const CNames& names);
// buffer[flat index].
std::string CElement(const Buffer& buffer, const std::vector<Expr>& indices, const CNames& names);

}  // namespace tilewright
