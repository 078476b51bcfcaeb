// What single-shot detectors share (Liu et al., "SSD: Single Shot MultiBox Detector",
// arXiv:1512.02325): boxes of each level, their decoding, and suppression of those that overlap.
#pragma once

#include <vector>

#include "compiler/onnx/zoo/layers.h"

namespace tilewright::zoo {

// Of one level: its boxes' ratios beside 1 and their inverses, and their size and the next
// level's, of the image's height.
struct SsdLevel {
  std::vector<float> ratios;
  float size, next;

  int64_t boxes() const { return 2 + 2 * static_cast<int64_t>(ratios.size()); }
};

// Of an image of `image` pixels; the first of the classes is the background.
struct SsdSpec {
  const std::vector<SsdLevel>& levels;
  int64_t image, classes;
};
// From the feature maps of the levels to the model's outputs "boxes", "scores" and "selected".
void DetectBoxes(ModelWriter& net, const std::vector<Value>& maps, const SsdSpec& spec);

}  // namespace tilewright::zoo
