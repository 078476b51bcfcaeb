// What the convolutions share: their attributes, windows, checks and the definition of those whose
// outputs gather. Used only inside compiler/operators.
#pragma once

#include "absl/status/status.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {

// strides {sh,sw}, padding {top,left,bottom,right}, dilation {dh,dw}, groups {g}.
std::vector<AttributeRule> ConvolutionAttributes();

inline const Shape& DataShape(const Workload& w) { return w.inputs[0].shape; }
inline const Shape& WeightShape(const Workload& w) { return w.inputs[1].shape; }
inline int64_t GroupsOf(const Workload& w) { return w.Attr("groups")[0]; }

// InvalidArgument: "workload: <what>".
absl::Status BadWorkload(std::string_view what);
absl::Status ChannelsDisagree(const Workload& w);

// Input pixels that the taps of one output reach along spatial dimension d.
int64_t WindowOf(const Workload& w, size_t d);

// OK unless no window of the weight [O,C/groups,KH,KW] fits into the padded input.
absl::Status CheckWindow(const Workload& w);

// An operator whose outputs gather: output shape, multiply-adds and definition of conv2d with any
// groups, and of depthwise_conv2d, which reduces over no channels.
OperatorDef ConvolutionDef(std::string_view weight_blocks, absl::Status (*check)(const Workload&),
                           std::optional<WorkloadLayouts> (*blocked)(const Workload&, int64_t));

}  // namespace tilewright
