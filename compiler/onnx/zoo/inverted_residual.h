// The block of the later mobile networks: 1x1 up, depthwise, squeeze and excitation, linear 1x1
// down, a shortcut where the shapes agree (Howard et al., arXiv:1905.02244, figure 4).
#pragma once

#include <string>

#include "compiler/onnx/zoo/layers.h"

namespace tilewright::zoo {

struct InvertedResidualSpec {
  int64_t hidden, channels, kernel, stride = 1;
  Activation activation;
  NormSpec norm;
  int64_t squeezed = 0;  // channels of the squeeze; 0 = there is none
  Activation squeeze_activation = nullptr, gate = nullptr;
  int64_t dilation = 1;
};

Value InvertedResidual(ModelWriter& net, const Value& x, const std::string& name,
                       const InvertedResidualSpec& spec);

}  // namespace tilewright::zoo
