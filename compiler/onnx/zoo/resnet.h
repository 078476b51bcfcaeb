// What the residual networks share: blocks, stem, four stages, shortcut, classifier.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "compiler/onnx/zoo/layers.h"
#include "compiler/onnx/zoo/zoo.h"

namespace tilewright::zoo {

// One residual block: `channels` of its inner convolutions; the first one that strides halves the
// image.
struct BlockSpec {
  int64_t channels, stride;
};
using ResidualBlock = Value (*)(ModelWriter& net, const Value& x, const std::string& name,
                                const BlockSpec& spec);

// Two 3x3 convolutions beside the shortcut.
Value BasicBlock(ModelWriter& net, const Value& x, const std::string& name, const BlockSpec& spec);
// 1x1 down, 3x3, 1x1 up to four times the channels, beside the shortcut; the stride is in the 3x3
// convolution (version 1.5).
Value Bottleneck(ModelWriter& net, const Value& x, const std::string& name, const BlockSpec& spec);

// The outputs of the four stages, strides 4 to 32.
std::vector<Value> ResNetStages(ModelWriter& net, const Value& image,
                                const std::array<int, 4>& depths, ResidualBlock block);

void BuildResNet(ModelWriter& net, const ZooOptions& options, const std::array<int, 4>& depths,
                 ResidualBlock block);

// Where a block's convolutions end, and how far they stride.
struct ResidualBranch {
  Value end;
  int64_t stride;
};
// relu(branch + x), x through a 1x1 convolution where the shapes differ.
Value AddShortcut(ModelWriter& net, const Value& x, const std::string& name,
                  const ResidualBranch& branch);

}  // namespace tilewright::zoo
