// The multilayer perceptron of MNIST tutorials (MXNet's and tvm.relay.testing's `mlp`): 28 x 28
// grey image, 128 and 64 hidden units, 10 classes.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 1, options.image, options.image});
  x = Flatten(net, x);
  x = Relu(net, Dense(net, x, "fc1", {128}));
  x = Relu(net, Dense(net, x, "fc2", {64, 2}));
  net.Output(Softmax(net, Dense(net, x, "fc3", {10})), DType::kF32, "probabilities");
}

}  // namespace

const ZooNetwork& mlp() {
  static constexpr ZooNetwork kNetwork = {.summary = "multilayer perceptron 784-128-64-10",
                                          .image = 28,
                                          .parameters = 109386,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
