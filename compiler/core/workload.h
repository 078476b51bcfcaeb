// What is computed: a tunable operator with static shapes, dtypes, layouts, attributes and its
// fused epilogue. A value; workloads with equal Key() share tasks, records and kernels.
#pragma once

#include <map>
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

// Operators and their conventions (shapes are logical, independent of layouts):
//   conv2d            data [N,C,H,W], weight [O,C/groups,KH,KW]; groups 1 or any divisor
//   depthwise_conv2d  data [N,C,H,W], weight [C,1,KH,KW]: groups == C == O
//   conv2d_transpose  data [N,C,H,W], weight [C,O/groups,KH,KW]; the gradient of conv2d by its
//   data:
//                     output extent (H-1)*stride - padding + dilation*(KH-1) + 1 + output_padding
//   dense             data [M,K], weight [N,K]; output [M,N]
//   batch_matmul      a [B,M,K], b [B,K,N]; output [B,M,N]; no weight packing
// Attributes of the convolutions: strides {sh,sw}, padding {top,left,bottom,right},
// dilation {dh,dw}, groups {g}; of conv2d_transpose also output_padding {h,w}.
// Layouts: conv data/output "NCHW" or "NCHW<x>c"; conv weight "OIHW", "OIHW<x>o" (unblocked input
// channels) or "OIHW<x>i<x>o"; depthwise weight "OIHW" or "OIHW<x>o"; transposed weight "IOHW" or
// "IOHW<x>i<x>o"; dense weight "NK" or "NK<x>n". Bias is always physical [ceil(O/x)*x], zero
// padded, when the output is blocked.
struct Workload {
  std::string op;
  std::vector<TensorType> inputs;  // logical data and weight
  std::map<std::string, std::vector<int64_t>> attrs;
  std::string data_layout, weight_layout, out_layout;
  std::vector<EpilogueOp> epilogue;

  // Canonical text, stable across releases; ParseWorkload(Key()) == *this. Example:
  // conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;
  //        strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu        (without the line break)
  std::string Key() const;

  // The attribute's values. REQUIRES: present.
  const std::vector<int64_t>& Attr(std::string_view name) const;

  // Multiply-add counted as two; padded taps included (the convention of published GFLOP/s).
  double Flops() const;

  friend bool operator==(const Workload&, const Workload&) = default;
};

// InvalidArgument says what is wrong. Bounded: at most 16 KiB of text.
absl::StatusOr<Workload> ParseWorkload(std::string_view key);

// InvalidArgument unless the operator is known and shapes, attributes and layouts agree.
absl::Status CheckWorkload(const Workload& workload);

// Logical output shape. REQUIRES: CheckWorkload(workload).ok().
Shape OutputShape(const Workload& workload);

// Physical types of the kernel's arguments in order: data, weight, epilogue inputs, output.
// REQUIRES: CheckWorkload(workload).ok().
std::vector<TensorType> ArgumentTypes(const Workload& workload);

// "+bias+relu"; empty without epilogue.
std::string EpilogueText(const std::vector<EpilogueOp>& epilogue);

}  // namespace tilewright
