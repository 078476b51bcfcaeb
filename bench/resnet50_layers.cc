#include "bench/resnet50_layers.h"

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

struct Row {
  int64_t in_channels, size, out_channels, kernel, stride;
  bool residual, relu;
  int count;
};

// He et al., CVPR 2016, with the stride in the 3x3 convolution (v1.5).
constexpr Row kRows[] = {
    {3, 224, 64, 7, 2, false, true, 1},    {64, 56, 64, 1, 1, false, true, 1},
    {64, 56, 64, 3, 1, false, true, 3},    {64, 56, 256, 1, 1, false, false, 1},
    {64, 56, 256, 1, 1, true, true, 3},    {256, 56, 64, 1, 1, false, true, 2},
    {256, 56, 128, 1, 1, false, true, 1},  {128, 56, 128, 3, 2, false, true, 1},
    {128, 28, 512, 1, 1, true, true, 4},   {256, 56, 512, 1, 2, false, false, 1},
    {512, 28, 128, 1, 1, false, true, 3},  {128, 28, 128, 3, 1, false, true, 3},
    {512, 28, 256, 1, 1, false, true, 1},  {256, 28, 256, 3, 2, false, true, 1},
    {256, 14, 1024, 1, 1, true, true, 6},  {512, 28, 1024, 1, 2, false, false, 1},
    {1024, 14, 256, 1, 1, false, true, 5}, {256, 14, 256, 3, 1, false, true, 5},
    {1024, 14, 512, 1, 1, false, true, 1}, {512, 14, 512, 3, 2, false, true, 1},
    {512, 7, 2048, 1, 1, true, true, 3},   {1024, 14, 2048, 1, 2, false, false, 1},
    {2048, 7, 512, 1, 1, false, true, 2},  {512, 7, 512, 3, 1, false, true, 2},
};

}  // namespace

std::vector<Layer> Resnet50Layers(int lanes) {
  std::vector<Layer> layers;
  for (const Row& r : kRows) {
    const int64_t pad = r.kernel / 2;
    Workload w{.op = "conv2d"};
    w.inputs = {{DType::kF32, {1, r.in_channels, r.size, r.size}},
                {DType::kF32, {r.out_channels, r.in_channels, r.kernel, r.kernel}}};
    w.attrs = {{"strides", {r.stride, r.stride}},
               {"padding", {pad, pad, pad, pad}},
               {"dilation", {1, 1}},
               {"groups", {1}}};
    const bool blocked = r.in_channels >= lanes;
    w.data_layout = blocked ? absl::StrCat("NCHW", lanes, "c") : "NCHW";
    w.weight_layout =
        blocked ? absl::StrCat("OIHW", lanes, "i", lanes, "o") : absl::StrCat("OIHW", lanes, "o");
    w.out_layout = absl::StrCat("NCHW", lanes, "c");
    w.epilogue = {{.kind = EpilogueKind::kBias}};
    if (r.residual) w.epilogue.push_back({.kind = EpilogueKind::kAdd});
    if (r.relu) w.epilogue.push_back({.kind = EpilogueKind::kRelu});
    layers.push_back({std::move(w), r.count});
  }
  return layers;
}

}  // namespace tilewright
