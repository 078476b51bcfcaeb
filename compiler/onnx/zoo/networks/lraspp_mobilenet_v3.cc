// Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, section 6.4: semantic segmentation
// by LR-ASPP on MobileNetV3 large, with torchvision's 21 classes and without dropout.
#include "compiler/onnx/zoo/mobilenet_v3.h"
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kClasses = 21, kInner = 128;
constexpr size_t kLowFeatures = 4;  // the last that has an eighth of the image's height

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  const std::vector<Value> features = MobileNetV3Features(net, image, true);
  const Value &low = features[kLowFeatures], &high = features.back();
  Value gate = Conv(net, GlobalAveragePool(net, high), "classifier.scale", {.channels = kInner});
  gate = Sigmoid(net, gate);
  const Value inner = ConvBnRelu(net, high, "classifier.cbr", {.channels = kInner});
  const Value gated = Mul(net, inner, gate, "classifier.gated");
  const Value wide = Resize(net, gated, "classifier.resize", {low, "linear"});
  const Value scores = Add(
      net, Conv(net, low, "classifier.low", {.channels = kClasses, .bias = true}),
      Conv(net, wide, "classifier.high", {.channels = kClasses, .bias = true}), "classifier.sum");
  net.Output(Resize(net, scores, "resize", {image, "linear"}), DType::kF32, "scores");
}

}  // namespace

const ZooNetwork& lraspp_mobilenet_v3() {
  static constexpr ZooNetwork kNetwork = {.summary = "segmentation, dilated MobileNetV3 large",
                                          .image = 520,
                                          .parameters = 3221538,
                                          .build = Build,
                                          .opset = 14};
  return kNetwork;
}

}  // namespace tilewright::zoo
