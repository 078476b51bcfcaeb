// Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567, with torchvision's
// layer shapes and without the auxiliary classifier, which only training uses. Block letters as
// there.
#include "compiler/onnx/zoo/network.h"

namespace tilewright::zoo {
namespace {

constexpr NormSpec kNorm = {.epsilon = 1e-3f};
constexpr PoolSpec kSamePool = {.kernel = 3, .stride = 1, .pad = 1};
constexpr PoolSpec kHalvingPool = {.kernel = 3, .stride = 2};

Value Cbr(ModelWriter& net, const Value& x, const std::string& name, ConvSpec spec) {
  spec.norm = kNorm;
  return ConvBnRelu(net, x, name, spec);
}
Value Cbr1x1(ModelWriter& net, const Value& x, const std::string& name, int64_t channels) {
  return Cbr(net, x, name, {.channels = channels});
}
Value Cbr3x3(ModelWriter& net, const Value& x, const std::string& name, int64_t channels) {
  return Cbr(net, x, name, {.channels = channels, .kernel = {3, 3}, .pad = {1, 1}});
}
Value Halving3x3(ModelWriter& net, const Value& x, const std::string& name, int64_t channels) {
  return Cbr(net, x, name, {.channels = channels, .kernel = {3, 3}, .stride = 2});
}
// A 1 x n and an n x 1 convolution.
struct Line {
  int64_t channels, n;
};
Value Row(ModelWriter& net, const Value& x, const std::string& name, const Line& line) {
  return Cbr(net, x, name,
             {.channels = line.channels, .kernel = {1, line.n}, .pad = {0, line.n / 2}});
}
Value Column(ModelWriter& net, const Value& x, const std::string& name, const Line& line) {
  return Cbr(net, x, name,
             {.channels = line.channels, .kernel = {line.n, 1}, .pad = {line.n / 2, 0}});
}

Value BlockA(ModelWriter& net, const Value& x, const std::string& name, int64_t pool_channels) {
  const Value a = Cbr1x1(net, x, name + ".branch1x1", 64);
  Value b = Cbr1x1(net, x, name + ".branch5x5_1", 48);
  b = Cbr(net, b, name + ".branch5x5_2", {.channels = 64, .kernel = {5, 5}, .pad = {2, 2}});
  Value c = Cbr1x1(net, x, name + ".branch3x3dbl_1", 64);
  c = Cbr3x3(net, c, name + ".branch3x3dbl_2", 96);
  c = Cbr3x3(net, c, name + ".branch3x3dbl_3", 96);
  const Value d = Cbr1x1(net, AveragePool(net, x, kSamePool), name + ".branch_pool", pool_channels);
  return Concat(net, {a, b, c, d}, name);
}

Value BlockB(ModelWriter& net, const Value& x, const std::string& name) {
  const Value a = Halving3x3(net, x, name + ".branch3x3", 384);
  Value b = Cbr1x1(net, x, name + ".branch3x3dbl_1", 64);
  b = Cbr3x3(net, b, name + ".branch3x3dbl_2", 96);
  b = Halving3x3(net, b, name + ".branch3x3dbl_3", 96);
  return Concat(net, {a, b, MaxPool(net, x, kHalvingPool)}, name);
}

Value BlockC(ModelWriter& net, const Value& x, const std::string& name, int64_t inner) {
  const Value a = Cbr1x1(net, x, name + ".branch1x1", 192);
  Value b = Cbr1x1(net, x, name + ".branch7x7_1", inner);
  b = Row(net, b, name + ".branch7x7_2", {inner, 7});
  b = Column(net, b, name + ".branch7x7_3", {192, 7});
  Value c = Cbr1x1(net, x, name + ".branch7x7dbl_1", inner);
  c = Column(net, c, name + ".branch7x7dbl_2", {inner, 7});
  c = Row(net, c, name + ".branch7x7dbl_3", {inner, 7});
  c = Column(net, c, name + ".branch7x7dbl_4", {inner, 7});
  c = Row(net, c, name + ".branch7x7dbl_5", {192, 7});
  const Value d = Cbr1x1(net, AveragePool(net, x, kSamePool), name + ".branch_pool", 192);
  return Concat(net, {a, b, c, d}, name);
}

Value BlockD(ModelWriter& net, const Value& x, const std::string& name) {
  Value a = Cbr1x1(net, x, name + ".branch3x3_1", 192);
  a = Halving3x3(net, a, name + ".branch3x3_2", 320);
  Value b = Cbr1x1(net, x, name + ".branch7x7x3_1", 192);
  b = Row(net, b, name + ".branch7x7x3_2", {192, 7});
  b = Column(net, b, name + ".branch7x7x3_3", {192, 7});
  b = Halving3x3(net, b, name + ".branch7x7x3_4", 192);
  return Concat(net, {a, b, MaxPool(net, x, kHalvingPool)}, name);
}

Value RowAndColumn(ModelWriter& net, const Value& x, const std::string& name) {
  return Concat(net, {Row(net, x, name + "a", {384, 3}), Column(net, x, name + "b", {384, 3})},
                name);
}

Value BlockE(ModelWriter& net, const Value& x, const std::string& name) {
  const Value a = Cbr1x1(net, x, name + ".branch1x1", 320);
  Value b = Cbr1x1(net, x, name + ".branch3x3_1", 384);
  b = RowAndColumn(net, b, name + ".branch3x3_2");
  Value c = Cbr1x1(net, x, name + ".branch3x3dbl_1", 448);
  c = Cbr3x3(net, c, name + ".branch3x3dbl_2", 384);
  c = RowAndColumn(net, c, name + ".branch3x3dbl_3");
  const Value d = Cbr1x1(net, AveragePool(net, x, kSamePool), name + ".branch_pool", 192);
  return Concat(net, {a, b, c, d}, name);
}

Value Stem(ModelWriter& net, Value x) {
  x = Cbr(net, x, "Conv2d_1a_3x3", {.channels = 32, .kernel = {3, 3}, .stride = 2, .gain = 1});
  x = Cbr(net, x, "Conv2d_2a_3x3", {.channels = 32, .kernel = {3, 3}});
  x = Cbr3x3(net, x, "Conv2d_2b_3x3", 64);
  x = MaxPool(net, x, kHalvingPool);
  x = Cbr1x1(net, x, "Conv2d_3b_1x1", 80);
  x = Cbr(net, x, "Conv2d_4a_3x3", {.channels = 192, .kernel = {3, 3}});
  return MaxPool(net, x, kHalvingPool);
}

void Build(ModelWriter& net, const ZooOptions& options) {
  Value x = net.Input("data", DType::kF32, {options.batch, 3, options.image, options.image});
  x = Stem(net, x);
  x = BlockA(net, x, "Mixed_5b", 32);
  x = BlockA(net, x, "Mixed_5c", 64);
  x = BlockA(net, x, "Mixed_5d", 64);
  x = BlockB(net, x, "Mixed_6a");
  x = BlockC(net, x, "Mixed_6b", 128);
  x = BlockC(net, x, "Mixed_6c", 160);
  x = BlockC(net, x, "Mixed_6d", 160);
  x = BlockC(net, x, "Mixed_6e", 192);
  x = BlockD(net, x, "Mixed_7a");
  x = BlockE(net, x, "Mixed_7b");
  x = BlockE(net, x, "Mixed_7c");
  x = Flatten(net, GlobalAveragePool(net, x));
  net.Output(Dense(net, x, "fc", {1000}), DType::kF32, "logits");
}

}  // namespace

const ZooNetwork& inception_v3() {
  static constexpr ZooNetwork kNetwork = {.summary = "factorised inception blocks, version 3",
                                          .image = 299,
                                          .parameters = 23834568,
                                          .build = Build};
  return kNetwork;
}

}  // namespace tilewright::zoo
