// Rewriting of definitions: the one tool of every graph pass. Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/visit.h"

namespace tilewright {

// Ranges of the output axes and the reduction variables.
Ranges RangesOf(const Compute& compute);

// Number of times the body is evaluated.
int64_t Iterations(const Compute& compute);

// True for procedures and definitions with stages, which are more than one expression: passes and
// the functions below leave them as they are.
bool HasSteps(const Compute& compute);

// True for definitions of one expression without reduction.
bool IsMap(const Compute& compute);
// That expression, in the output's dtype. REQUIRES: IsMap.
Expr ValueOf(const Compute& compute);

// Applies `rewrite` to the body, the predicate and the result, and simplifies them.
Compute RewriteAll(const Compute& compute, const std::function<Expr(const Expr&)>& rewrite);

// The expressions of a definition, absent ones left out.
std::vector<Expr> ExprsOf(const Compute& compute);

// Whether there is a load in an expression.
bool ReadsAnything(const Expr& e);

// The different loads of `buffer`, in order of first appearance.
std::vector<Expr> LoadsOf(const Compute& compute, const Buffer& buffer);
std::vector<Expr> LoadsOf(const Expr& e, const Buffer& buffer);

// True when `indices` are the output axes themselves (0 also stands for an axis of extent 1).
bool AreAxes(const std::vector<Expr>& indices, const std::vector<Axis>& axes);
// True when the definition reads input `buffer`, and only at the output's own position.
bool ReadsAtAxes(const Compute& compute, const Buffer& buffer);

// True when the load reads, for each output element, the one of the same place in row-major order.
bool ReadsInOrder(const Compute& compute, const Expr& load);

// e with every load of `buffer` replaced by make(indices).
Expr ReplaceLoads(const Expr& e, const Buffer& buffer,
                  const std::function<Expr(const std::vector<Expr>&)>& make);

// Nodes of the expression tree, and those that are integer divisions or remainders (indices that
// neither vectorise nor stay cheap).
int64_t CountNodes(const Compute& compute);
int64_t CountDivMod(const Compute& compute);

// The consumer with the loads of its input `loaded` replaced by what the producer computes. Its
// inputs are the consumer's (without `loaded`), then the producer's. nullopt when the form does
// not allow it: a reduction can take in only maps, and a map only one element of a reduction.
std::optional<Compute> Inline(const Compute& producer, const Compute& consumer,
                              const Buffer& loaded);

// Renames the inputs to in0, in1, ..., merges those that are the same value and drops the unread;
// `values` are parallel to compute.inputs and changed alike.
Compute NormalizeInputs(const Compute& compute, std::vector<ValueId>* values);

// A copy of the same elements in the same order under another shape.
Compute MakeReshape(const TensorType& from, const Shape& to);
bool IsReshape(const Compute& compute);

}  // namespace tilewright
