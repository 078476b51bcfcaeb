// What users write to bind shapes and dimensions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

TEST(InputShapes, AreReadInBothSpellings) {
  const auto shapes = ParseInputShapes("data:1,3,224,224; mask:[1,128]");
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_EQ(shapes->at("data"), (Shape{1, 3, 224, 224}));
  EXPECT_EQ(shapes->at("mask"), (Shape{1, 128}));
}

TEST(InputShapes, MayHoldSpaces) {
  const auto shapes = ParseInputShapes("data:[1, 3, 4 , 4] mask: 1, 128");
  ASSERT_TRUE(shapes.ok()) << shapes.status();
  EXPECT_EQ(shapes->at("data"), (Shape{1, 3, 4, 4}));
  EXPECT_EQ(shapes->at("mask"), (Shape{1, 128}));
}

TEST(InputShapes, DimensionsAreReadByName) {
  const auto dims = ParseDims("batch=4;seq=128");
  ASSERT_TRUE(dims.ok()) << dims.status();
  EXPECT_EQ(dims->at("seq"), 128);
  for (const char* bad : {"batch", "batch=-1", "=4", "batch=x", "batch=1 batch=2"}) {
    EXPECT_FALSE(ParseDims(bad).ok()) << bad;
  }
}

TEST(InputShapes, AnythingElseIsRefusedWithTheText) {
  for (const char* text : {"data", ":1,2", "data:", "data:1,x", "data:-2", "data:-1", "a:1 a:2"}) {
    EXPECT_EQ(ParseInputShapes(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(InputShapes, DimensionsNamedByAQuestionMarkMayDiffer) {
  ModelBuilder m;
  auto& shape = *m.Input("x", {1, 1}).mutable_type()->mutable_tensor_type()->mutable_shape();
  for (auto& dim : *shape.mutable_dim()) dim.set_dim_param("?");
  m.Node("Relu", {"x"}, {"y"});
  m.Output("y");
  const auto graph = ImportOnnx(m.Bytes(), {.input_shapes = {{"x", {2, 3}}}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->values[graph->outputs[0]].type.shape, (Shape{2, 3}));
}

}  // namespace
}  // namespace tilewright
