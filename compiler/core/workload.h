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

// One fused step after the accumulation, applied in order to x: the sum or what the step before
// gave. `channel` is one element an output channel (conv: [O]; dense: [N]), `like` a tensor of the
// output's type and layout; both are extra inputs (OperandTypeOf). a and b are the step's
// parameters.
enum class EpilogueKind {
  kBias,       // x + channel
  kAdd,        // x + like (a residual)
  kRelu,       // max(x, 0)
  kClip,       // min(max(x, a), b); an infinite bound is none
  kSigmoid,    // 1 / (1 + exp(-x))
  kTanh,       // tanh(x)
  kLinear,     // a * x + b
  kScale,      // x * channel
  kMul,        // x * like
  kLeakyRelu,  // x < 0 ? a * x : x
  kPRelu,      // x < 0 ? channel * x : x
  kSilu,       // x * sigmoid(x)
  kHardSwish,  // x * min(max(x / 6 + 1/2, 0), 1)
  kGelu,       // x / 2 * (1 + erf(x / sqrt(2)))
  kGeluTanh,   // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
  kRound,      // the nearest integer, ties to even
};
struct EpilogueOp {
  EpilogueKind kind = EpilogueKind::kRelu;
  double a = 0, b = 0;  // 0 where the kind has not so many
  friend bool operator==(const EpilogueOp&, const EpilogueOp&) = default;
};

// False for the steps that are defined for integers too.
bool NeedsFloat(EpilogueKind kind);

// The extra input that a step takes.
enum class EpilogueOperand {
  kNone,
  kPerChannel,  // `channel`
  kLikeOutput,  // `like`
};
EpilogueOperand OperandOf(EpilogueKind kind);

// Each operator's inputs, attributes and layouts are told by its file in compiler/operators; shapes
// are logical, independent of layouts. A per-channel operand is physical [ceil(O/x)*x], zero
// padded, when the output is in blocks of x.
struct Workload {
  std::string op;
  std::vector<TensorType> inputs;  // logical: data, weight, perhaps more
  std::map<std::string, std::vector<int64_t>> attrs;
  std::string data_layout, weight_layout, out_layout;
  std::vector<EpilogueOp> epilogue;
  // Types of the sums and of the output; nullopt, as their defaults are written (see AccumulatorOf,
  // OutputTypeOf). A key names only others: ";acc=int64;out=float32" after the attributes.
  std::optional<DType> acc = std::nullopt, out = std::nullopt;
  // Of the operator that is defined by its workload (compiler/operators/nest.h), else empty. A key
  // ends with it: "=com.example.Shift[2,8] a0[i0, i1] + 1.0".
  std::string definition = {};

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
// In which the step is computed: the accumulator's type; where that is an integer's and the
// output's is another, float32 from the first step on that needs floats. What the last step gives
// is cast to the output: a float saturates.
DType StepTypeOf(const Workload& workload, size_t step);
// Of the step's extra input: the output's type; of one per channel, after sums of integers, the
// step's.
DType OperandTypeOf(const Workload& workload, size_t step);

// Reads a key's text; whether the operator exists and its shapes agree is not asked (ParseWorkload
// of compiler/operators does). InvalidArgument says what is wrong. Bounded: at most 16 KiB of text.
absl::StatusOr<Workload> ReadWorkloadKey(std::string_view key);

// "+bias+relu"; empty without epilogue.
std::string EpilogueText(const std::vector<EpilogueOp>& epilogue);

// What people call it: "conv2d+bias+relu", "com.example.Shift".
std::string OperatorText(const Workload& workload);
// A key for people's eyes, who read of a definition its name and the output's shape.
std::string ShortKey(std::string_view key);

}  // namespace tilewright
