// Iandola et al., "SqueezeNet", arXiv:1602.07360, in the lighter version 1.1 of its authors.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr PoolSpec kPool = {.kernel = 3, .stride = 2, .ceil = true};

// Squeeze by 1x1, expand by 1x1 and 3x3 side by side.
struct FireSpec {
  int64_t squeeze, expand;
};
Value Fire(ModelWriter& net, const Value& x, const std::string& name, const FireSpec& spec) {
  const auto [squeeze, expand] = spec;
  const Value s = ConvRelu(net, x, name + ".squeeze", {.channels = squeeze});
  const Value a = ConvRelu(net, s, name + ".expand1x1", {.channels = expand});
  const Value b =
      ConvRelu(net, s, name + ".expand3x3", {.channels = expand, .kernel = {3, 3}, .pad = {1, 1}});
  return Concat(net, {a, b}, name + ".concat");
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = ConvRelu(net, x, "features.0", {.channels = 64, .kernel = {3, 3}, .stride = 2, .gain = 1});
  x = MaxPool(net, x, kPool);
  x = Fire(net, x, "features.3", {16, 64});
  x = Fire(net, x, "features.4", {16, 64});
  x = MaxPool(net, x, kPool);
  x = Fire(net, x, "features.6", {32, 128});
  x = Fire(net, x, "features.7", {32, 128});
  x = MaxPool(net, x, kPool);
  x = Fire(net, x, "features.9", {48, 192});
  x = Fire(net, x, "features.10", {48, 192});
  x = Fire(net, x, "features.11", {64, 256});
  x = Fire(net, x, "features.12", {64, 256});
  x = ConvRelu(net, x, "classifier.1", {.channels = 1000});
  net.Output(Flatten(net, GlobalAveragePool(net, x)), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& squeezenet1_1() {
  static constexpr ZooNetwork kNetwork = {
      .summary = "fire modules, version 1.1", .image = 224, .parameters = 1235496, .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
