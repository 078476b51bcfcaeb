// Shapes at the edge of what an operator takes: no elements, one, no spatial dimension.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;

TEST(EdgeShapes, AModelMayHaveNothingToCompute) {
  ModelBuilder m;
  m.Input("x", {3, 4});
  m.Ints("begin", {2});
  m.Ints("end", {2});
  m.Node("Slice", {"x", "begin", "end"}, {"y"});
  m.Output("y");
  const std::vector<Tensor> y = RunBoth(m, {{"x", Tensor({DType::kF32, {3, 4}})}});
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(y[0].shape(), (Shape{0, 4}));
}

TEST(EdgeShapes, OneElementMayBeSelectedOrNot) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1}}) {
    for (const float value : {0.0F, 5.0F}) {
      ModelBuilder m;
      m.Input("x", shape);
      m.Node("NonZero", {"x"}, {"positions"});
      m.Node("Neg", {"positions"}, {"y"});
      m.Output("y");
      const std::vector<Tensor> y = RunBoth(m, {{"x", Floats(shape, {value})}});
      ASSERT_EQ(y.size(), 2u) << "the positions and their count";
      EXPECT_EQ(y[1].AsInt(0), value == 0 ? 0 : 1);
      EXPECT_EQ(y[0].AsInt(0), 0);
    }
  }
}

TEST(EdgeShapes, GroupsOfChannelsNeedNoSpatialDimension) {
  ModelBuilder m(21);
  m.Input("x", {2, 4});
  m.Floats("scale", {4}, 2);
  m.Floats("bias", {4}, 1);
  onnx::NodeProto& node = m.Node("GroupNormalization", {"x", "scale", "bias"}, {"y"});
  SetInt(node, "num_groups", 2);
  SetFloat(node, "epsilon", 0);
  m.Output("y");
  const Tensor x = Floats({2, 4}, {1, 3, -2, 2, 0, 8, 5, 7});
  EXPECT_THAT(Values(RunBoth(m, {{"x", x}}, 1e-6).at(0)), ElementsAre(-1, 3, -1, 3, -1, 3, -1, 3));
}

// Which row is read is decided within lanes of which some are off.
TEST(EdgeShapes, GatheredRowsArePaddedToAnyWidth) {
  for (int64_t width = 4; width <= 20; ++width) {
    SCOPED_TRACE(testing::Message() << "width " << width);
    ModelBuilder m;
    m.Input("x", {3, width - 3});
    m.Input("rows", {2}, onnx::TensorProto::INT64);
    m.Ints("pads", {1, 1, 0, 2});
    m.Node("Gather", {"x", "rows"}, {"gathered"});
    m.Node("Pad", {"gathered", "pads"}, {"y"});
    m.Output("y");
    Tensor x({DType::kF32, {3, width - 3}});
    for (int64_t i = 0; i < x.size(); ++i) x.Set(i, static_cast<double>(i + 1));
    const Tensor rows({DType::kI64, {2}}, std::vector<int64_t>{-1, 0});
    const std::vector<Tensor> y = RunBoth(m, {{"x", x}, {"rows", rows}});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_EQ(y[0].AsDouble(width + 1), x.AsDouble(2 * (width - 3)));
    EXPECT_EQ(y[0].AsDouble(2 * width + 1), 1);
  }
}

}  // namespace
}  // namespace tilewright
