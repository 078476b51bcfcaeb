// Data with their channels last, as ONNX Runtime's operators may have them, and with them second.
#pragma once

#include "compiler/onnx/tensor_ops.h"

namespace tilewright {

// [N, spatial..., C] as [N, C, spatial...], and back. InvalidArgument below three dimensions.
absl::StatusOr<ValueId> ChannelsSecond(OpBuilder& b, ValueId value);
absl::StatusOr<ValueId> ChannelsLast(OpBuilder& b, ValueId value);

}  // namespace tilewright
