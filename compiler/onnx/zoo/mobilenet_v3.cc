#include "compiler/onnx/zoo/mobilenet_v3.h"

#include <algorithm>

#include "compiler/onnx/zoo/inverted_residual.h"

namespace tilewright::zoo {
namespace {

// Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, table 1.
struct Row {
  int64_t kernel, hidden, channels;
  bool squeezes, hard_swish;
  int64_t stride;
};
constexpr Row kRows[] = {
    {3, 16, 16, false, false, 1}, {3, 64, 24, false, false, 2}, {3, 72, 24, false, false, 1},
    {5, 72, 40, true, false, 2},  {5, 120, 40, true, false, 1}, {5, 120, 40, true, false, 1},
    {3, 240, 80, false, true, 2}, {3, 200, 80, false, true, 1}, {3, 184, 80, false, true, 1},
    {3, 184, 80, false, true, 1}, {3, 480, 112, true, true, 1}, {3, 672, 112, true, true, 1},
    {5, 672, 160, true, true, 2}, {5, 960, 160, true, true, 1}, {5, 960, 160, true, true, 1}};
constexpr int kDilatedRows = 3;

// A quarter of the channels as the authors round it: to a multiple of 8, by at most a tenth down.
int64_t SqueezedOf(int64_t hidden) {
  const int64_t quarter = hidden / 4;
  const int64_t rounded = std::max<int64_t>(8, (quarter + 4) / 8 * 8);
  return 10 * rounded < 9 * quarter ? rounded + 8 : rounded;
}

}  // namespace

std::vector<Value> MobileNetV3Features(ModelWriter& net, const Value& image, bool dilated) {
  std::vector<Value> made = {HardSwish(net, ConvBn(net, image, "features.0",
                                                   {.channels = 16,
                                                    .kernel = {3, 3},
                                                    .stride = 2,
                                                    .pad = {1, 1},
                                                    .gain = 1,
                                                    .norm = kMobileNetV3Norm}))};
  for (const Row& row : kRows) {
    const auto left = static_cast<int>(std::end(kRows) - &row);
    const bool dilates = dilated && left <= kDilatedRows;
    made.push_back(InvertedResidual(net, made.back(), "features." + std::to_string(made.size()),
                                    {.hidden = row.hidden,
                                     .channels = row.channels,
                                     .kernel = row.kernel,
                                     .stride = dilates ? 1 : row.stride,
                                     .activation = row.hard_swish ? HardSwish : Relu,
                                     .norm = kMobileNetV3Norm,
                                     .squeezed = row.squeezes ? SqueezedOf(row.hidden) : 0,
                                     .squeeze_activation = Relu,
                                     .gate = HardSigmoid,
                                     .dilation = dilates ? 2 : 1}));
  }
  made.push_back(HardSwish(net, ConvBn(net, made.back(), "features.16",
                                       {.channels = 960, .gain = 1, .norm = kMobileNetV3Norm})));
  return made;
}

}  // namespace tilewright::zoo
