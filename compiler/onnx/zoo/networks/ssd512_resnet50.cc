// Liu et al., "SSD: Single Shot MultiBox Detector", arXiv:1512.02325, at 512 x 512 on ResNet-50,
// with the levels, boxes and 20 classes of GluonCV's ssd_512_resnet50_v1_voc; the residual network
// is version 1.5 (networks/resnet50.cc).
#include "compiler/onnx/zoo/network.h"
#include "compiler/onnx/zoo/resnet.h"
#include "compiler/onnx/zoo/ssd.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kClasses = 21;  // the background included

const std::vector<SsdLevel>& Levels() {
  static const auto* levels = new std::vector<SsdLevel>{
      {{2}, 0.1f, 0.2f},      {{2, 3}, 0.2f, 0.37f}, {{2, 3}, 0.37f, 0.54f},
      {{2, 3}, 0.54f, 0.71f}, {{2}, 0.71f, 0.88f},   {{2}, 0.88f, 0.96f}};
  return *levels;
}

std::vector<Value> Features(ModelWriter& net, const Value& image) {
  const std::vector<Value> stages = ResNetStages(net, image, {3, 4, 6, 3}, Bottleneck);
  std::vector<Value> levels = {stages[2], stages[3]};
  for (const int64_t channels : {512, 512, 256, 256}) {
    const std::string name = "extra." + std::to_string(levels.size());
    const Value inner =
        ConvBnRelu(net, levels.back(), name + ".narrow", {.channels = channels / 2});
    levels.push_back(ConvBnRelu(
        net, inner, name, {.channels = channels, .kernel = {3, 3}, .stride = 2, .pad = {1, 1}}));
  }
  return levels;
}

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  DetectBoxes(net, Features(net, image), {Levels(), options.image, kClasses});
}

}  // namespace

const ZooNetwork& ssd512_resnet50() {
  static constexpr ZooNetwork kNetwork = {.summary = "detector, 20 classes, with suppression",
                                          .image = 512,
                                          .parameters = 32745774,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
