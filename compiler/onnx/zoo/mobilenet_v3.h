// The layers of MobileNetV3 large before its classifier, for the networks that are built on them.
#pragma once

#include <vector>

#include "compiler/onnx/zoo/layers.h"

namespace tilewright::zoo {

inline constexpr NormSpec kMobileNetV3Norm = {.epsilon = 1e-3f};

// What the stem, each of the 15 blocks and the last 1x1 convolution give, in this order. `dilated`:
// the last three blocks keep the image and dilate their windows instead, as segmentation does.
std::vector<Value> MobileNetV3Features(ModelWriter& net, const Value& image, bool dilated);

}  // namespace tilewright::zoo
