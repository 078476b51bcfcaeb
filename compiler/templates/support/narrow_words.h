// Products of narrow numbers several at a time, as the loop IR's dots and CPUs have them: input
// channels that follow each other in memory, weights prepared as words of two or four.
#pragma once

#include <vector>

#include "compiler/core/target.h"
#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

// How many of `extent` neighbouring elements that the workload sums are best multiplied at a time;
// a divisor of it. 2 bfloat16 where the CPU has fast dots of them. Where sums are int32: 4 of
// unsigned by signed bytes where the CPU has byte dots; 2 where both inputs fit signed 16 bits and
// there is an instruction (x86 with 256-bit vectors; elsewhere 32-bit products are as fast); else
// 1.
int64_t ElementsPerWord(const Workload& workload, const Target& target, int64_t extent);

// Registers that a tile's accumulators, weights and data may take: a product needs one of its own,
// for itself where no instruction also adds, for the data's word where one does.
inline int RegistersForWords(const Target& target) { return TraitsOf(target).vector_registers - 1; }

// The word of two bfloat16, two integers of 16 bits or four of 8, the first in the lowest bits.
// REQUIRES: they fit.
Expr WordOf(const std::vector<Expr>& elements);

// The word of `count` elements of `buffer` that are neighbours in dimension `dim`, where `at`
// counts words.
Expr WordAt(const Buffer& buffer, std::vector<Expr> at, size_t dim, int64_t count);

// The sum of the products of the elements, of type `dtype`, of two words of `count`.
Expr DotOfWords(DType dtype, int64_t count, Expr data, Expr weight);

// `compute` reads at inputs[1], instead of the task's weights, `words` (int32): what `program`, of
// params weights and words, makes of them once.
LoweredTask WithPreparedWeights(Program compute, Program preparation);

}  // namespace tilewright
