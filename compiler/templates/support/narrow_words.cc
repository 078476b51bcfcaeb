#include "compiler/templates/support/narrow_words.h"

#include <utility>

#include "compiler/core/narrow_dots.h"

namespace tilewright {
namespace {

bool FitsSigned16(DType dtype) {
  return IsInteger(dtype) && (SizeOf(dtype) == 1 || dtype == DType::kI16);
}

// bfloat16 with float32 sums.
bool IsBFloat16(const Workload& w) {
  return w.inputs[0].dtype == DType::kBF16 && AccumulatorOf(w) == DType::kF32;
}

}  // namespace

int64_t ElementsPerWord(const Workload& workload, const Target& target, int64_t extent) {
  const DType data = workload.inputs[0].dtype, weight = workload.inputs[1].dtype;
  if (IsBFloat16(workload)) return extent % 2 == 0 && HasBFloat16Dots(target) ? 2 : 1;
  if (target.kind != "cpu" || AccumulatorOf(workload) != DType::kI32) return 1;
  const bool bytes = data == DType::kU8 && weight == DType::kI8;
  if (bytes && extent % 4 == 0 && HasByteDots(target)) return 4;
  const bool pairs = TraitsOf(target).vector_bits >= 256 && extent % 2 == 0;
  return pairs && FitsSigned16(data) && FitsSigned16(weight) ? 2 : 1;
}

Expr WordOf(const std::vector<Expr>& elements) {
  if (elements[0]->dtype == DType::kBF16) return Call("pair", elements, DType::kI32);
  const auto bits = static_cast<int64_t>(32 / elements.size());
  const Expr mask = Int((int64_t{1} << bits) - 1, DType::kI32);
  Expr word;
  for (size_t i = 0; i < elements.size(); ++i) {
    Expr part = Cast(elements[i], DType::kI32);
    if (i + 1 < elements.size()) part = Binary(BinaryOp::kAnd, part, mask);
    const Expr by = Int(static_cast<int64_t>(i) * bits, DType::kI32);
    if (i > 0) part = Call("shl", {part, by}, DType::kI32);
    word = i == 0 ? part : Binary(BinaryOp::kOr, word, part);
  }
  return word;
}

Expr WordAt(const Buffer& buffer, std::vector<Expr> at, size_t dim, int64_t count) {
  const Expr first = at[dim] * count;
  std::vector<Expr> elements;
  for (int64_t i = 0; i < count; ++i) {
    at[dim] = i == 0 ? first : first + i;
    elements.push_back(Load(buffer, at));
  }
  return WordOf(elements);
}

Expr DotOfWords(DType dtype, int64_t count, Expr data, Expr weight) {
  if (dtype == DType::kBF16) {
    return Call("dot2_bf16", {std::move(data), std::move(weight)}, DType::kF32);
  }
  return Call(count == 4 ? "dot4" : "dot2", {std::move(data), std::move(weight)}, DType::kI32);
}

LoweredTask WithPreparedWeights(Program compute, Program preparation) {
  const Buffer words = preparation.params.back();
  const int prepared = static_cast<int>(compute.params.size());  // after the task's arguments
  LoweredStep step{.program = std::move(compute)};
  for (int i = 0; i < prepared; ++i) step.operands.push_back(i == 1 ? prepared : i);
  LoweredTask task{.buffers = {{words->dtype, words->shape}}};
  task.prepare.push_back({std::move(preparation), {1, prepared}});
  task.steps.push_back(std::move(step));
  return task;
}

}  // namespace tilewright
