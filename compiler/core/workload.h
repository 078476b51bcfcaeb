// What is computed: a tunable operator with static shapes, dtypes, layouts, attributes and its
// fused epilogue. A value; workloads with equal Key() share tasks, records and kernels.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"

namespace tilewright {

// One fused step after the accumulation, applied in order.
enum class EpilogueKind {
  kBias,     // + per-output-channel tensor (conv: [O]; dense: [N]); one extra input
  kAdd,      // + tensor of the output's type and layout (a residual); one extra input
  kRelu,     // max(x, 0)
  kClip,     // min(max(x, lo), hi)
  kSigmoid,  // 1 / (1 + exp(-x))
  kTanh,
};
struct EpilogueOp {
  EpilogueKind kind = EpilogueKind::kRelu;
  double lo = 0, hi = 0;  // kClip only
  friend bool operator==(const EpilogueOp&, const EpilogueOp&) = default;
};

// The extra input that a step takes.
enum class EpilogueOperand {
  kNone,
  kPerChannel,  // one element an output channel
  kLikeOutput,  // the output's type and layout
};
EpilogueOperand OperandOf(EpilogueKind kind);

// Each operator's inputs, attributes and layouts are told by its file in compiler/operators; shapes
// are logical, independent of layouts. A per-channel operand is physical [ceil(O/x)*x], zero
// padded, when the output is in blocks of x.
struct Workload {
  std::string op;
  std::vector<TensorType> inputs;  // logical data and weight
  std::map<std::string, std::vector<int64_t>> attrs;
  std::string data_layout, weight_layout, out_layout;
  std::vector<EpilogueOp> epilogue;
  // Types of the sums and of the output; nullopt, as their defaults are written (see AccumulatorOf,
  // OutputTypeOf). A key names only others: ";acc=int64;out=float32" after the attributes.
  std::optional<DType> acc = std::nullopt, out = std::nullopt;

  // Canonical text, stable across releases; ReadWorkloadKey(Key()) == *this. Example:
  // conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;
  //        strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu        (without the line break)
  std::string Key() const;

  // The attribute's values. REQUIRES: present.
  const std::vector<int64_t>& Attr(std::string_view name) const;

  friend bool operator==(const Workload&, const Workload&) = default;
};

// In which sums are kept: by default float32 for floats and int32 for integers.
DType AccumulatorOf(const Workload& workload);
// Of the output: by default the data's type for floats, the accumulator's for integers.
DType OutputTypeOf(const Workload& workload);
// In which the epilogue is computed: the output's type if only that is a float, else the
// accumulator's.
DType EpilogueTypeOf(const Workload& workload);

// Reads a key's text; whether the operator exists and its shapes agree is not asked (ParseWorkload
// of compiler/operators does). InvalidArgument says what is wrong. Bounded: at most 16 KiB of text.
absl::StatusOr<Workload> ReadWorkloadKey(std::string_view key);

// "+bias+relu"; empty without epilogue.
std::string EpilogueText(const std::vector<EpilogueOp>& epilogue);

}  // namespace tilewright
