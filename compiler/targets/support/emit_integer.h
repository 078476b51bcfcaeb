// Floats as integers.
#pragma once

#include <optional>

#include "compiler/targets/support/emit_context.h"

namespace tilewright {

struct IntegerConversion {
  bool rounds = false;  // half to even; else truncates
  // Saturates to these whole numbers within the integer's limits; to those where there are none.
  std::optional<double> lowest, highest;
  bool small = false;  // what is no NaN is known to be less than 2^31 in size
};

// `value`, float32 or float64 in a register, as an integer. What is out of range saturates and NaN
// becomes zero, so that results never depend on the CPU.
llvm::Value* FloatToInteger(EmitContext& ctx, llvm::Value* value, DType to,
                            const IntegerConversion& how);

}  // namespace tilewright
