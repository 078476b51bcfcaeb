// Resize where it widens its kernel, keeps proportions or interpolates integers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

// Resize of x to scales or sizes, with its attributes still to come.
onnx::NodeProto& Resized(ModelBuilder& m, const Shape& x, bool by_sizes,
                         onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT) {
  m.Input("x", x, type);
  onnx::NodeProto& node = by_sizes ? m.Node("Resize", {"x", "", "", "sizes"}, {"y"})
                                   : m.Node("Resize", {"x", "", "scales"}, {"y"});
  m.Output("y");
  return node;
}

Tensor Counting(const Shape& shape, DType dtype = DType::kF32) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, static_cast<double>(i + 1));
  return tensor;
}

void Scales(ModelBuilder& m, const std::vector<float>& values) {
  onnx::TensorProto& scales = *m.graph().add_initializer();
  scales.set_name("scales");
  scales.set_data_type(onnx::TensorProto::FLOAT);
  scales.add_dims(static_cast<int64_t>(values.size()));
  for (const float value : values) scales.add_float_data(value);
}

// The figures are those of ONNX's own test resize_downsample_scales_linear_antialias.
TEST(Resize, AntialiasWidensALinearKernelAsTheImageShrinks) {
  ModelBuilder m(18);
  Scales(m, {1, 1, 0.6f, 0.6f});
  onnx::NodeProto& node = Resized(m, {1, 1, 4, 4}, false);
  SetString(node, "mode", "linear");
  SetInt(node, "antialias", 1);
  const auto y = RunBoth(m, {{"x", Counting({1, 1, 4, 4})}}, 1e-5);
  ASSERT_EQ(y.size(), 1u);
  EXPECT_THAT(Values(y[0]), Pointwise(DoubleNear(1e-4), {2.875, 4.5, 9.375, 11.0}));
}

TEST(Resize, AntialiasChangesNothingWhereTheImageGrows) {
  for (const char* mode : {"linear", "cubic"}) {
    std::vector<std::vector<double>> outputs;
    for (const int64_t antialias : {0, 1}) {
      ModelBuilder m(18);
      Scales(m, {1, 1, 2, 1.5f});
      onnx::NodeProto& node = Resized(m, {1, 1, 3, 4}, false);
      SetString(node, "mode", mode);
      SetInt(node, "antialias", antialias);
      const auto y = RunBoth(m, {{"x", Counting({1, 1, 3, 4})}}, 1e-5);
      ASSERT_EQ(y.size(), 1u);
      outputs.push_back(Values(y[0]));
    }
    EXPECT_THAT(outputs[1], Pointwise(DoubleNear(1e-5), outputs[0])) << mode;
  }
}

// The reduction that each resized dimension is left with.
std::vector<bool> ReducesAt(const std::string& mode, bool antialias) {
  ModelBuilder m(18);
  Scales(m, {1, 1, 0.4f, 1.5f});
  onnx::NodeProto& node = Resized(m, {1, 2, 10, 4}, false);
  SetString(node, "mode", mode);
  SetInt(node, "antialias", antialias ? 1 : 0);
  const absl::StatusOr<Graph> graph = ImportOnnx(m.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  std::vector<bool> reduces;
  if (!graph.ok()) return reduces;
  for (const Node& part : graph->nodes) reduces.push_back(!part.compute.reduce.empty());
  return reduces;
}

// What has no reduction can be a task of its own (compiler/graph/passes/tune_nests.cc).
TEST(Resize, FewTapsAreOneExpression) {
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    EXPECT_THAT(ReducesAt(mode, false), ElementsAre(false, false)) << mode;
  }
  EXPECT_THAT(ReducesAt("linear", true), ElementsAre(true, false));
}

TEST(Resize, AUniformImageStaysUniform) {
  for (const char* mode : {"linear", "cubic"}) {
    ModelBuilder m(18);
    m.Ints("sizes", {1, 1, 3, 2});
    onnx::NodeProto& node = Resized(m, {1, 1, 17, 40}, true);
    SetString(node, "mode", mode);
    SetInt(node, "antialias", 1);
    Tensor x({DType::kF32, {1, 1, 17, 40}});
    for (int64_t i = 0; i < x.size(); ++i) x.Set(i, 7);
    const auto y = RunBoth(m, {{"x", x}}, 1e-5);
    ASSERT_EQ(y.size(), 1u);
    EXPECT_THAT(Values(y[0]), testing::Each(DoubleNear(7, 1e-4))) << mode;
  }
}

TEST(Resize, ProportionsAreKeptWithinOrAroundTheSizes) {
  for (const auto& [policy, shape] : {std::pair<const char*, Shape>{"not_larger", {1, 1, 3, 6}},
                                      {"not_smaller", {1, 1, 5, 10}}}) {
    ModelBuilder m(18);
    m.Ints("sizes", {5, 6});
    onnx::NodeProto& node = Resized(m, {1, 1, 2, 4}, true);
    SetString(node, "keep_aspect_ratio_policy", policy);
    SetInts(node, "axes", {2, 3});
    const auto y = RunBoth(m, {{"x", Counting({1, 1, 2, 4})}});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_EQ(y[0].shape(), shape) << policy;
  }
}

TEST(Resize, IntegersAreInterpolatedInFloatsAndCutOff) {
  ModelBuilder m(18);
  Scales(m, {2});
  onnx::NodeProto& node = Resized(m, {2}, false, onnx::TensorProto::UINT8);
  SetString(node, "mode", "linear");
  Tensor x({DType::kU8, {2}});
  x.Set(0, 10);
  x.Set(1, 21);
  const auto y = RunBoth(m, {{"x", x}});
  ASSERT_EQ(y.size(), 1u);
  EXPECT_THAT(Values(y[0]), ElementsAre(10, 12, 18, 21));  // 10, 12.75, 18.25, 21
}

}  // namespace
}  // namespace tilewright
