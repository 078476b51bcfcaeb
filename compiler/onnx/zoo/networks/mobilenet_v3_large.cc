// Howard et al., "Searching for MobileNetV3", arXiv:1905.02244, large, with torchvision's sizes.
#include "compiler/onnx/zoo/mobilenet_v3.h"
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  const Value image =
      net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  Value x = MobileNetV3Features(net, image, false).back();
  x = Flatten(net, GlobalAveragePool(net, x));
  x = HardSwish(net, Dense(net, x, "classifier.0", {1280}));
  net.Output(Dense(net, x, "classifier.3", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& mobilenet_v3_large() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "inverted residuals with squeeze and excitation, hard swish",
      .image = 224,
      .parameters = 5483032,
      .build = Build,
      .opset = 14};
  return kNetwork;
}

}  // namespace tilewright::zoo
