// The definition of an operator: what is computed, with no order of execution. A value.
//
//   output[axes...] = result(reduce over `reduce` where `predicate` of `body`)
//
// Elementwise operators, data movement, pooling, reductions, convolutions and matrix products are
// all of this one form. Schedules (compiler/schedule) turn it into programs; LowerPlain is the
// form without any schedule, the reference of every other.
//
// What has no such form without doing its work over and over (a scatter, a running sum, a heap) is
// a procedure: a statement that writes the output in order and may read it back. Passes and
// schedules leave it as it is.
//
// A definition may have stages, definitions that are computed first, row by row: what they hand on
// need not leave the cache. The first `rows` axes are theirs too, the same variables; each writes
// scratch over its other axes (one of extent 1 where it has none), which later ones and the body
// read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/loop/stmt.h"

namespace tilewright {

enum class Reducer { kNone, kSum, kMax, kMin, kProd };

struct Axis {
  Expr var;  // kI64
  int64_t extent = 1;
};

struct Compute {
  std::string name;
  std::vector<Buffer> inputs;
  Buffer output;             // shape = extents of axes
  std::vector<Axis> axes;    // one per output dimension
  std::vector<Axis> reduce;  // empty iff reducer == kNone
  Reducer reducer = Reducer::kNone;
  Expr body;       // over axes and reduce variables; dtype of the accumulation
  Expr predicate;  // null = always; the body is not evaluated where it is false
  Expr acc;        // Var standing for the reduction's value in `result`; null when kNone
  Expr result;     // null = the reduction's value (or body) itself; dtype of output
  Stmt procedure;  // null, or what computes the output; then there is no reduction and no Expr
  std::vector<Compute> stages;  // in order; their outputs are kStack, their inputs those above
  size_t rows = 0;              // axes shared with the stages; 0 iff there are none
};

// Identity element of the reduction (0, -inf or lowest integer, +inf or highest, 1).
Expr InitialValue(Reducer reducer, DType dtype);
// One step: Combine(kSum, a, b) = a + b.
Expr Combine(Reducer reducer, Expr a, Expr b);

// Plain loop nest: axes outer, reduction inner, an accumulator in a one-element kStack buffer,
// no transformation.
Program LowerPlain(const Compute& compute);

// Whether every element that is read, in the body, the predicate and the result, `holds`.
bool EveryLoad(const Compute& compute, const std::function<bool(const Expr& load)>& holds);
// True where a step of `var` is one to the load's next element in memory, or none.
bool WalksMemory(const Expr& load, const Expr& var);

// Fresh axes named prefix0, prefix1, ... for a shape.
std::vector<Axis> MakeAxes(const std::vector<int64_t>& shape, const std::string& prefix);
// The axes that are not shared with stages.
std::vector<Axis> OwnAxes(const Compute& compute);
// The variables of axes, for use as indices.
std::vector<Expr> Vars(const std::vector<Axis>& axes);

}  // namespace tilewright
