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
using ResidualBlock = Value (*)(ModelWriter& net, const Value& x, const std::string& name,
                                int64_t channels, int64_t stride);

// Two 3x3 convolutions beside the shortcut.
Value BasicBlock(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride);
// 1x1 down, 3x3, 1x1 up to four times the channels, beside the shortcut; the stride is in the 3x3
// convolution (version 1.5).
Value Bottleneck(ModelWriter& net, const Value& x, const std::string& name, int64_t channels,
                 int64_t stride);

// The outputs of the four stages, strides 4 to 32.
std::vector<Value> ResNetStages(ModelWriter& net, const Value& image,
                                const std::array<int, 4>& depths, ResidualBlock block);

void BuildResNet(ModelWriter& net, const ZooOptions& options, const std::array<int, 4>& depths,
                 ResidualBlock block);

// relu(branch + x), x through a 1x1 convolution where the shapes differ.
Value AddShortcut(ModelWriter& net, const Value& x, const Value& branch, const std::string& name,
                  int64_t stride);

}  // namespace tilewright::zoo
