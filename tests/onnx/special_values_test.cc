// NaN, infinity and zero rows in operators that compare or divide: what ONNX Runtime gives, by the
// interpreter and by compiled code, in lanes and in remainders of lanes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::NanSensitiveDoubleEq;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<double> RunOne(const ModelBuilder& m, const std::map<std::string, Tensor>& inputs) {
  const std::vector<Tensor> outputs = RunBoth(m, inputs, 1e-6);
  return outputs.empty() ? std::vector<double>() : Values(outputs[0]);
}

// One operator on rows, along dimension 1.
ModelBuilder RowModel(const std::string& op, int64_t rows, int64_t columns) {
  ModelBuilder m(13);
  m.Input("x", {rows, columns});
  onnx::NodeProto& node = m.Node(op, {"x"}, {"y"});
  if (op.starts_with("Arg")) SetInt(node, "axis", 1);
  if (op.starts_with("Reduce")) SetInts(node, "axes", {1});
  m.Output("y");
  return m;
}

TEST(SpecialValues, AnExtremeOfTwoIsNanWhereEitherIs) {
  for (const char* op : {"Max", "Min"}) {
    ModelBuilder m;
    m.Input("a", {37});
    m.Input("b", {37});
    m.Node(op, {"a", "b"}, {"y"});
    m.Output("y");
    std::vector<float> a(37, kNan), b(37, 1);
    EXPECT_THAT(RunOne(m, {{"a", Floats({37}, a)}, {"b", Floats({37}, b)}}),
                Each(NanSensitiveDoubleEq(kNan)));
    EXPECT_THAT(RunOne(m, {{"a", Floats({37}, b)}, {"b", Floats({37}, a)}}),
                Each(NanSensitiveDoubleEq(kNan)));
  }
}

TEST(SpecialValues, AReductionKeepsTheNanItStartsWith) {
  for (const char* op : {"ReduceMax", "ReduceMin"}) {
    const auto y = RunOne(RowModel(op, 3, 5), {{"x", Floats({3, 5}, {kNan, 1, 2, 3, 4,  //
                                                                     7, kNan, 7, 7, 7,  //
                                                                     7, 7, 7, 7, 7})}});
    EXPECT_THAT(y, ElementsAre(NanSensitiveDoubleEq(kNan), 7, 7)) << op;
    const auto long_row =
        RunOne(RowModel(op, 1, 50), {{"x", Floats({1, 50}, std::vector<float>(50, kNan))}});
    EXPECT_THAT(long_row, Each(NanSensitiveDoubleEq(kNan))) << op;
  }
}

TEST(SpecialValues, APoolKeepsTheNanItStartsWithAndFindsItsIndex) {
  ModelBuilder m(12);
  m.Input("x", {1, 1, 6});
  onnx::NodeProto& pool = m.Node("MaxPool", {"x"}, {"y", "at"});
  SetInts(pool, "kernel_shape", {3});
  SetInts(pool, "pads", {1, 1});
  SetInts(pool, "strides", {2});
  m.Output("y");
  m.Output("at");
  const auto out = RunBoth(m, {{"x", Floats({1, 1, 6}, {kNan, 1, 2, 5, 3, 4})}});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_THAT(Values(out[0]), ElementsAre(NanSensitiveDoubleEq(kNan), 5, 5));
  EXPECT_THAT(Values(out[1]), ElementsAre(0, 3, 3));
}

TEST(SpecialValues, ArgMaxTakesANanOnlyAtTheStart) {
  const Tensor x =
      Floats({4, 4}, {kNan, 1, 2, 2, 1, kNan, 2, 2, 3, 1, kNan, 4, kNan, kNan, kNan, kNan});
  EXPECT_THAT(RunOne(RowModel("ArgMax", 4, 4), {{"x", x}}), ElementsAre(0, 2, 3, 0));
  EXPECT_THAT(RunOne(RowModel("ArgMin", 4, 4), {{"x", x}}), ElementsAre(0, 0, 1, 0));
}

TEST(SpecialValues, HardmaxOfNanIsZero) {
  const Tensor x = Floats({3, 3}, {kNan, 1, 2, 1, kNan, 2, kNan, kNan, kNan});
  EXPECT_THAT(RunOne(RowModel("Hardmax", 3, 3), {{"x", x}}),
              ElementsAre(0, 0, 0, 0, 0, 1, 0, 0, 0));
}

TEST(SpecialValues, ClampsAndActivationsLetNanThrough) {
  for (const char* op :
       {"Relu", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Sigmoid", "Softplus"}) {
    const auto y =
        RunOne(RowModel(op, 1, 19), {{"x", Floats({1, 19}, std::vector<float>(19, kNan))}});
    EXPECT_THAT(y, Each(NanSensitiveDoubleEq(kNan))) << op;
  }
  ModelBuilder m;
  m.Input("x", {19});
  m.Floats("lo", {}, -1);
  m.Floats("hi", {}, 1);
  m.Node("Clip", {"x", "lo", "hi"}, {"y"});
  m.Output("y");
  EXPECT_THAT(RunOne(m, {{"x", Floats({19}, std::vector<float>(19, kNan))}}),
              Each(NanSensitiveDoubleEq(kNan)));
}

TEST(SpecialValues, LogSumExpOfInfinitiesIsInfinite) {
  const Tensor x = Floats({4, 2}, {-kInf, -kInf, kInf, 1, kInf, -kInf, kNan, 1});
  EXPECT_THAT(RunOne(RowModel("ReduceLogSumExp", 4, 2), {{"x", x}}),
              ElementsAre(-kInf, kInf, kInf, NanSensitiveDoubleEq(kNan)));
}

TEST(SpecialValues, ANormalisedZeroRowIsZero) {
  for (const int64_t p : {1, 2}) {
    ModelBuilder m;
    m.Input("x", {2, 2});
    SetInt(m.Node("LpNormalization", {"x"}, {"y"}), "p", p);
    m.Output("y");
    const auto y = RunOne(m, {{"x", Floats({2, 2}, {0, 0, 5, 0})}});
    EXPECT_THAT(y, ElementsAre(0, 0, 1, 0));
  }
}

TEST(SpecialValues, ADropoutMaskHasTheDataTypeUpToOpsetNine) {
  for (const auto& [opset, dtype] : {std::pair(7, DType::kF32), std::pair(10, DType::kBool)}) {
    ModelBuilder m(opset);
    m.Input("x", {3});
    m.Node("Dropout", {"x"}, {"y", "mask"});
    m.Output("mask");
    const auto out = RunBoth(m, {{"x", Floats({3}, {1, 2, 3})}});
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].dtype(), dtype);
    EXPECT_THAT(Values(out[0]), ElementsAre(1, 1, 1));
  }
}

TEST(SpecialValues, ScatterElementsTakesFewerIndicesThanDataInOtherDimensions) {
  ModelBuilder m;
  m.Input("x", {17, 3});
  m.Input("u", {5, 1});
  onnx::TensorProto& at = m.Ints("at", {0, 1, 2, 0, 1});
  at.clear_dims();
  at.add_dims(5);
  at.add_dims(1);
  SetInt(m.Node("ScatterElements", {"x", "at", "u"}, {"y"}), "axis", 1);
  m.Output("y");
  const auto y = RunOne(m, {{"x", Floats({17, 3}, std::vector<float>(51, 0))},
                            {"u", Floats({5, 1}, {1, 2, 3, 4, 5})}});
  ASSERT_EQ(y.size(), 51u);
  EXPECT_THAT(std::vector<double>(y.begin(), y.begin() + 15),
              ElementsAre(1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 0, 0, 0, 5, 0));
}

// Dimensions of no extent: outputs of them, and what is reduced or joined over them.
TEST(SpecialValues, AnOutputMayHaveNoElements) {
  ModelBuilder m;
  m.Input("x", {3, 4});
  m.Ints("starts", {5});
  m.Ints("ends", {9});
  m.Node("Slice", {"x", "starts", "ends"}, {"none"});
  m.Node("Relu", {"none"}, {"y"});
  m.Node("Concat", {"none", "x"}, {"all"});
  SetInt(*m.graph().mutable_node(2), "axis", 0);
  m.Output("y");
  m.Output("all");
  const Tensor x = Floats({3, 4}, std::vector<float>(12, 2));
  const auto outputs = RunBoth(m, {{"x", x}});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].shape(), (Shape{0, 4}));
  EXPECT_EQ(Values(outputs[1]), Values(x));
}

TEST(SpecialValues, AReductionOverNothingIsItsNeutralElement) {
  for (const auto& [op, expected] : {std::pair("ReduceSum", 0.0f),
                                     {"ReduceProd", 1.0f},
                                     {"ReduceMax", -kInf},
                                     {"ReduceMin", kInf}}) {
    ModelBuilder m(20);
    m.Input("x", {2, 0, 3});
    m.Ints("axes", {1});
    m.Node(op, {"x", "axes"}, {"y"});
    m.Output("y");
    const Tensor x({DType::kF32, {2, 0, 3}});
    EXPECT_THAT(RunOne(m, {{"x", x}}),
                ElementsAre(expected, expected, expected, expected, expected, expected))
        << op;
  }
}

TEST(SpecialValues, AMatrixProductOverNothingIsZero) {
  ModelBuilder m;
  m.Input("a", {2, 0});
  m.Input("b", {0, 3});
  m.Node("MatMul", {"a", "b"}, {"y"});
  m.Output("y");
  const Tensor a({DType::kF32, {2, 0}}), b({DType::kF32, {0, 3}});
  EXPECT_THAT(RunOne(m, {{"a", a}, {"b", b}}), Each(0));
}

// A decoder's cache before its first token.
TEST(SpecialValues, AnInputMayHaveNoElements) {
  ModelBuilder m;
  m.Input("past", {1, 2, 0, 3});
  m.Input("new", {1, 2, 1, 3});
  SetInt(m.Node("Concat", {"past", "new"}, {"present"}), "axis", 2);
  m.Output("present");
  const Tensor past({DType::kF32, {1, 2, 0, 3}});
  EXPECT_THAT(RunOne(m, {{"past", past}, {"new", Floats({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6})}}),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

}  // namespace
}  // namespace tilewright
