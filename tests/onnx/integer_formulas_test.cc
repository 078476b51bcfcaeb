// Formulas of real numbers on integers: they lose their fraction, not the numbers before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The node's result of a matrix of int32, which the row reductions reduce.
std::vector<double> OfRows(const std::string& op_type, const Shape& shape,
                           const std::vector<int32_t>& x) {
  ModelBuilder m(13);
  m.Input("x", shape, onnx::TensorProto::INT32);
  SetInts(m.Node(op_type, {"x"}, {"y"}), "axes", {1});
  m.Output("y");
  const std::vector<Tensor> y = RunBoth(m, {{"x", Tensor({DType::kI32, shape}, x)}});
  return y.empty() ? std::vector<double>() : Values(y[0]);
}

TEST(ReduceOfIntegers, ANormIsARootWhoseSquaresDoNotOverflow) {
  EXPECT_THAT(OfRows("ReduceL2", {3, 2}, {3, 4, 1, -1, 60000, 80000}), ElementsAre(5, 1, 100000));
}

TEST(ReduceOfIntegers, LogarithmsAreOfWholeSums) {
  EXPECT_THAT(OfRows("ReduceLogSum", {2, 3}, {7, 7, 7, 1, 0, 0}),
              ElementsAre(std::floor(std::log(21)), 0));
  EXPECT_THAT(OfRows("ReduceLogSumExp", {2, 2}, {1000, 1000, -1, 5}), ElementsAre(1000, 5));
}

TEST(ShrinkOfIntegers, BoundAndBiasKeepTheirFractions) {
  ModelBuilder m(13);
  m.Input("x", {5}, onnx::TensorProto::INT32);
  onnx::NodeProto& node = m.Node("Shrink", {"x"}, {"y"});
  SetFloat(node, "lambd", 1.5F);
  SetFloat(node, "bias", 0.5F);
  m.Output("y");
  const Tensor x({DType::kI32, {5}}, std::vector<int32_t>{-4, -1, 0, 1, 2});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(-3, 0, 0, 0, 1));
}

ModelBuilder GridModel(const std::string& mode) {
  ModelBuilder m(20);
  m.Input("x", {1, 1, 2, 2}, onnx::TensorProto::INT32);
  m.Input("grid", {1, 1, 2, 2});
  SetString(m.Node("GridSample", {"x", "grid"}, {"y"}), "mode", mode);
  m.Output("y");
  return m;
}

TEST(GridSampleOfIntegers, TheNearestIsTakenAndInterpolationIsRefused) {
  const Tensor x({DType::kI32, {1, 1, 2, 2}}, std::vector<int32_t>{1, 2, 3, 4});
  const Tensor grid({DType::kF32, {1, 1, 2, 2}}, std::vector<float>{0.4F, -0.6F, -0.6F, 0.4F});
  const std::vector<Tensor> y = RunBoth(GridModel("nearest"), {{"x", x}, {"grid", grid}});
  EXPECT_THAT(Values(y.at(0)), ElementsAre(2, 3));
  const auto graph = ImportOnnx(GridModel("linear").Bytes(), {});
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("interpolates floats alone"));
}

}  // namespace
}  // namespace tilewright
