// ONNX Runtime's operators against the operators of ONNX that they stand for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/onnx/by_definition.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeedOfData = 11;
const std::vector<int64_t> kToSecond = {0, 3, 1, 2}, kToLast = {0, 2, 3, 1};

Tensor Bytes(Rng& rng, const Shape& shape) {
  Tensor tensor({DType::kU8, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, static_cast<double>(rng.Below(256)));
  return tensor;
}
Tensor Byte(double value) {
  Tensor tensor({DType::kU8, {}});
  tensor.Set(0, value);
  return tensor;
}
Tensor Scalar(float value) { return Floats({}, {value}); }
Tensor Ints32(const Shape& shape, const std::vector<int32_t>& values) {
  return Tensor({DType::kI32, shape}, values);
}

// A model with these inputs and no node.
ModelBuilder Over(const Tensors& inputs) {
  ModelBuilder m(21);
  for (const auto& [name, tensor] : inputs) {
    m.Input(name, tensor.shape(), ToOnnxType(tensor.dtype()));
  }
  return m;
}

// Both run, interpreted and compiled; the tolerance is of all.
void ExpectAlike(const ModelBuilder& fused, const ModelBuilder& parts, const Tensors& inputs,
                 double tolerance = 1e-5) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeedOfData);
  const auto found = RunBoth(fused, inputs, tolerance);
  const auto expected = RunBoth(parts, inputs, tolerance);
  ASSERT_FALSE(found.empty());
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].type(), expected[i].type());
    ExpectNear(found[i], Values(expected[i]), tolerance);
  }
}

// Transpose, the node that `add` adds from "second" to "z", Transpose.
template <typename Add>
ModelBuilder BetweenTransposes(const Tensors& inputs, const Add& add) {
  ModelBuilder m = Over(inputs);
  SetInts(m.Node("Transpose", {"x"}, {"second"}), "perm", kToSecond);
  add(m);
  SetInts(m.Node("Transpose", {"z"}, {"y"}), "perm", kToLast);
  m.Output("y");
  return m;
}

TEST(ChannelsLast, ConvolutionsAreOnnxsBetweenTransposes) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"x", Random(rng, {2, 7, 6, 4})}, {"w", Random(rng, {6, 2, 3, 3})}};
  ModelBuilder fused = OneNode({"com.microsoft.NhwcConv", 21, {"x", "w"}}, inputs);
  const auto set = [](onnx::NodeProto& node) {
    SetInts(node, "pads", {1, 0, 1, 2});
    SetInts(node, "strides", {2, 1});
    SetInt(node, "group", 2);
  };
  set(NodeOf(fused));
  ExpectAlike(fused,
              BetweenTransposes(
                  inputs, [&](ModelBuilder& m) { set(m.Node("Conv", {"second", "w"}, {"z"})); }),
              inputs);
}

TEST(ChannelsLast, WhatAFusedConvolutionAddsHasThemLastToo) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"x", Random(rng, {1, 5, 4, 3})},
                          {"w", Random(rng, {2, 3, 1, 1})},
                          {"s", Random(rng, {1, 5, 4, 2})}};
  ModelBuilder fused = OneNode({"com.microsoft.NhwcFusedConv", 21, {"x", "w", "", "s"}}, inputs);
  SetString(NodeOf(fused), "activation", "Relu");
  ModelBuilder parts =
      BetweenTransposes(inputs, [](ModelBuilder& m) { m.Node("Conv", {"second", "w"}, {"z"}); });
  parts.graph().clear_output();
  parts.Node("Add", {"y", "s"}, {"sum"});
  parts.Node("Relu", {"sum"}, {"out"});
  parts.Output("out");
  ExpectAlike(fused, parts, inputs);
}

TEST(ChannelsLast, PoolsAndConvolutionsOfBytesAreOnnxsBetweenTransposes) {
  Rng rng(kSeedOfData);
  Tensors inputs = {{"x", Bytes(rng, {1, 6, 5, 3})}};
  ModelBuilder pool = OneNode({"com.microsoft.NhwcMaxPool", 21, {"x"}}, inputs);
  SetInts(NodeOf(pool), "kernel_shape", {2, 3});
  ExpectAlike(pool,
              BetweenTransposes(inputs,
                                [](ModelBuilder& m) {
                                  SetInts(m.Node("MaxPool", {"second"}, {"z"}), "kernel_shape",
                                          {2, 3});
                                }),
              inputs, 0);
  inputs.insert({{"xs", Scalar(0.02F)},
                 {"xz", Byte(120)},
                 {"w", Bytes(rng, {4, 3, 3, 3})},
                 {"ws", Scalar(0.01F)},
                 {"wz", Byte(130)},
                 {"ys", Scalar(0.5F)},
                 {"yz", Byte(9)}});
  const std::vector<std::string> rest = {"xs", "xz", "w", "ws", "wz", "ys", "yz"};
  std::vector<std::string> names = {"x"}, second = {"second"};
  names.insert(names.end(), rest.begin(), rest.end());
  second.insert(second.end(), rest.begin(), rest.end());
  ModelBuilder conv = OneNode({"com.microsoft.QLinearConv", 21, names}, inputs);
  SetInt(NodeOf(conv), "channels_last", 1);
  ExpectAlike(
      conv,
      BetweenTransposes(inputs, [&](ModelBuilder& m) { m.Node("QLinearConv", second, {"z"}); }),
      inputs, 0);
}

TEST(GroupNorm, NormalisesGroupsOfTheLastDimensionAndActivates) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"x", Random(rng, {2, 3, 5, 6})},
                          {"scale", Random(rng, {6})},
                          {"bias", Random(rng, {6})},
                          {"skip", Random(rng, {2, 6})},
                          {"row", Random(rng, {6})}};
  ModelBuilder fused = OneNode(
      {"com.microsoft.SkipGroupNorm", 21, {"x", "scale", "bias", "skip", "row"}, {"y", "sum"}},
      inputs);
  SetInt(NodeOf(fused), "groups", 2);
  SetInt(NodeOf(fused), "activation", 1);
  ModelBuilder parts = Over(inputs);
  parts.Ints("four", {2, 1, 1, 6});
  parts.Node("Reshape", {"skip", "four"}, {"added"});
  parts.Node("Add", {"x", "added"}, {"half"});
  parts.Node("Add", {"half", "row"}, {"sum"});
  SetInts(parts.Node("Transpose", {"sum"}, {"second"}), "perm", kToSecond);
  SetInt(parts.Node("GroupNormalization", {"second", "scale", "bias"}, {"n"}), "num_groups", 2);
  parts.Node("Sigmoid", {"n"}, {"gate"});
  parts.Node("Mul", {"n", "gate"}, {"z"});
  SetInts(parts.Node("Transpose", {"z"}, {"y"}), "perm", kToLast);
  for (const char* name : {"y", "sum"}) parts.Output(name);
  ExpectAlike(fused, parts, inputs);
}

TEST(QuantizedAttention, IsAttentionOfWhatItsIntegersStandFor) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"x", Bytes(rng, {2, 5, 8})},
                          {"w", Bytes(rng, {8, 24})},
                          {"b", Random(rng, {24})},
                          {"xs", Scalar(0.02F)},
                          {"ws", Scalar(0.01F)},
                          {"xz", Byte(128)},
                          {"wz", Byte(121)},
                          {"mask", Ints32({2}, {5, 3})}};
  ModelBuilder fused = OneNode(
      {"com.microsoft.QAttention", 21, {"x", "w", "b", "xs", "ws", "mask", "xz", "wz"}}, inputs);
  SetInt(NodeOf(fused), "num_heads", 2);
  ModelBuilder parts = Over(inputs);
  parts.Node("DequantizeLinear", {"x", "xs", "xz"}, {"xr"});
  parts.Node("DequantizeLinear", {"w", "ws", "wz"}, {"wr"});
  onnx::NodeProto& node = parts.Node("com.microsoft.Attention", {"xr", "wr", "b", "mask"}, {"y"});
  SetDomain(parts, node);
  SetInt(node, "num_heads", 2);
  parts.Output("y");
  ExpectAlike(fused, parts, inputs, 1e-4);
}

TEST(DecoderAttention, IsMultiHeadAttentionWithItsInputsInAnotherOrder) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"q", Random(rng, {2, 1, 8})},
                          {"k", Random(rng, {2, 1, 8})},
                          {"v", Random(rng, {2, 1, 8})},
                          {"bias", Random(rng, {24})},
                          {"pk", Random(rng, {2, 2, 3, 4})},
                          {"pv", Random(rng, {2, 2, 3, 4})},
                          {"mask", Ints32({2, 4}, {1, 1, 1, 1, 0, 1, 1, 1})}};
  const std::vector<std::string> outputs = {"y", "nk", "nv"};
  ModelBuilder one = OneNode({"com.microsoft.DecoderMaskedMultiHeadAttention",
                              21,
                              {"q", "k", "v", "mask", "", "pk", "pv", "", "", "", "bias"},
                              outputs},
                             inputs);
  ModelBuilder other = OneNode({"com.microsoft.MultiHeadAttention",
                                21,
                                {"q", "k", "v", "bias", "mask", "", "pk", "pv"},
                                outputs},
                               inputs);
  for (ModelBuilder* m : {&one, &other}) SetInt(NodeOf(*m), "num_heads", 2);
  ExpectAlike(one, other, inputs);
  SetInt(NodeOf(one), "past_present_share_buffer", 1);
  EXPECT_THAT(Refusal(one), HasSubstr("caches that are shared buffers"));
}

TEST(QLinearOperators, WhereAndMeanAreOfTheReals) {
  const Tensors inputs = {{"c", Tensor({DType::kBool, {2}}, std::vector<uint8_t>{1, 0})},
                          {"x", Tensor({DType::kU8, {2}}, std::vector<uint8_t>{10, 20})},
                          {"o", Tensor({DType::kU8, {2}}, std::vector<uint8_t>{30, 40})},
                          {"s", Scalar(0.5F)},
                          {"t", Scalar(0.25F)},
                          {"z", Byte(4)}};
  const ModelBuilder where = OneNode(
      {"com.microsoft.QLinearWhere", 21, {"c", "x", "s", "z", "o", "t", "z", "t", "z"}}, inputs);
  EXPECT_THAT(Values(RunBoth(where, inputs).at(0)), ElementsAre(16, 40));
  ModelBuilder mean =
      OneNode({"com.microsoft.QLinearReduceMean", 21, {"x", "s", "z", "t", "z"}}, inputs);
  SetInts(NodeOf(mean), "axes", {0});
  SetInt(NodeOf(mean), "keepdims", 0);
  EXPECT_THAT(Values(RunBoth(mean, inputs).at(0)), ElementsAre(26));
}

TEST(IntegerProducts, AreAndSumTo32Bits) {
  const Tensor words({DType::kI16, {1, 2}}, std::vector<int16_t>{-30000, 20000});
  const Tensor turned({DType::kI16, {2, 1}}, std::vector<int16_t>{30000, -20000});
  const Tensors inputs = {{"a", words}, {"b", turned}};
  const ModelBuilder product = OneNode({"com.microsoft.MatMulInteger16", 21, {"a", "b"}}, inputs);
  EXPECT_THAT(Values(RunBoth(product, inputs).at(0)), ElementsAre(-1300000000));
  const Tensors bytes = {{"x", Tensor({DType::kU8, {2}}, std::vector<uint8_t>{255, 200})},
                         {"z", Byte(128)}};
  const ModelBuilder mul = OneNode({"com.microsoft.MulInteger", 21, {"x", "z", "x"}}, bytes);
  EXPECT_THAT(Values(RunBoth(mul, bytes).at(0)), ElementsAre(127 * 255, 72 * 200));
  ModelBuilder sum = OneNode({"com.microsoft.ReduceSumInteger", 21, {"x"}}, bytes);
  SetInts(NodeOf(sum), "axes", {0});
  SetInt(NodeOf(sum), "keepdims", 0);
  EXPECT_THAT(Values(RunBoth(sum, bytes).at(0)), ElementsAre(455));
}

TEST(BiasSoftmax, ABiasWithoutTheDimensionsBeforeTheAxisIsSharedAmongThem) {
  Rng rng(kSeedOfData);
  const Tensors inputs = {{"x", Random(rng, {2, 3, 4, 5})}, {"b", Random(rng, {2, 5})}};
  ModelBuilder fused = OneNode({"com.microsoft.BiasSoftmax", 21, {"x", "b"}}, inputs);
  SetInt(NodeOf(fused), "axis", 3);
  SetInt(NodeOf(fused), "is_inner_broadcast", 1);
  ModelBuilder parts = Over(inputs);
  parts.Ints("four", {2, 1, 1, 5});
  parts.Node("Reshape", {"b", "four"}, {"row"});
  parts.Node("Add", {"x", "row"}, {"sum"});
  parts.Node("Softmax", {"sum"}, {"y"});
  parts.Output("y");
  ExpectAlike(fused, parts, inputs);
}

TEST(MatMulNBits, ColumnsInAnotherOrderHaveTheScaleOfTheirGroup) {
  Rng rng(kSeedOfData);
  std::vector<int32_t> order(32);
  for (size_t k = 0; k < order.size(); ++k) order[k] = k % 2 == 0 ? 1 : 0;
  const Tensors inputs = {{"x", Random(rng, {1, 32})},
                          {"w", Bytes(rng, {1, 2, 8})},
                          {"s", Floats({2}, {0.5F, 2})},
                          {"g", Ints32({32}, order)}};
  ModelBuilder m = OneNode({"com.microsoft.MatMulNBits", 21, {"x", "w", "s", "", "g"}}, inputs);
  for (const auto& [name, value] : std::vector<std::pair<std::string, int64_t>>{
           {"K", 32}, {"N", 1}, {"bits", 4}, {"block_size", 16}}) {
    SetInt(NodeOf(m), name, value);
  }
  double expected = 0;
  for (int64_t k = 0; k < 32; ++k) {
    const int64_t byte = inputs.at("w").AsInt(k / 2), four = k % 2 == 0 ? byte % 16 : byte / 16;
    expected += inputs.at("x").AsDouble(k) * static_cast<double>(four - 8) * (k % 2 == 0 ? 2 : 0.5);
  }
  ExpectNear(RunBoth(m, inputs, 1e-5).at(0), {expected}, 1e-4);
}

}  // namespace
}  // namespace tilewright
