// Scatters, selections, sorts and running sums: against loops over the elements, at sizes where a
// quadratic definition would not end, and with outputs whose size depends on data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

ModelBuilder TopKModel(const Shape& shape, int64_t k, int64_t axis, bool largest) {
  ModelBuilder m(11);
  m.Input("x", shape);
  m.Ints("k", {k});
  onnx::NodeProto& node = m.Node("TopK", {"x", "k"}, {"v", "i"});
  SetInt(node, "axis", axis);
  SetInt(node, "largest", largest ? 1 : 0);
  m.Output("v");
  m.Output("i");
  return m;
}

TEST(TopK, TheFirstKAreInOrderAndTiesGoToTheLowerIndex) {
  constexpr uint64_t kSeed = 13;
  Rng rng(kSeed);
  for (int i = 0; i < 60; ++i) {
    const int64_t outer = rng.Below(3) + 1, n = rng.Below(40) + 1, inner = rng.Below(3) + 1;
    const int64_t k = rng.Below(n) + 1;
    const bool largest = rng.Below(2) == 0;
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", case " << i);
    const Tensor x = Random(rng, {outer, n, inner}, DType::kF32, 12);
    const auto outputs = Evaluate(TopKModel(x.shape(), k, 1, largest), {{"x", x}});
    ASSERT_EQ(outputs.size(), 2u);
    for (int64_t row = 0; row < outer * inner; ++row) {
      const int64_t o = row / inner, c = row % inner;
      const auto value = [&](int64_t at) { return x.AsDouble((o * n + at) * inner + c); };
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return largest ? value(a) > value(b) : value(a) < value(b);
      });
      for (int64_t j = 0; j < k; ++j) {
        const int64_t at = (o * k + j) * inner + c;
        ASSERT_EQ(outputs[1].AsInt(at), order[j]);
        ASSERT_EQ(outputs[0].AsDouble(at), value(order[j]));
      }
    }
  }
}

TEST(TopK, NanCountsAsTheLargest) {
  const Tensor x({DType::kF32, {6}}, std::vector<float>{1, kNan, 3, kNan, 2, 3});
  EXPECT_THAT(Values(RunBoth(TopKModel({6}, 6, 0, true), {{"x", x}})[1]),
              ElementsAre(1, 3, 2, 5, 4, 0));
  EXPECT_THAT(Values(RunBoth(TopKModel({6}, 6, 0, false), {{"x", x}})[1]),
              ElementsAre(0, 4, 2, 5, 1, 3));
}

TEST(TopK, LongRowsAreSortedByCompiledCode) {
  Rng rng(14);
  const int64_t n = 200'000;
  const Tensor x = Random(rng, {n}, DType::kF32, 1 << 30);
  const auto graph = ImportOnnx(TopKModel({n}, 1000, 0, true).Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto outputs = RunCompiled(*graph, {{"x", x}});
  ASSERT_EQ(outputs.size(), 2u);
  std::vector<double> all = Values(x);
  std::sort(all.begin(), all.end(), std::greater<>());
  all.resize(1000);
  EXPECT_EQ(Values(outputs[0]), all);
}

TEST(CumSum, LongRowsAreSummedOnce) {
  const int64_t n = 480'000;
  ModelBuilder m(14);
  m.Input("x", {n});
  m.Ints("axis", {0}).clear_dims();
  SetInt(m.Node("CumSum", {"x", "axis"}, {"y"}), "reverse", 1);
  m.Output("y");
  const auto graph = ImportOnnx(m.Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Tensor ones({DType::kF32, {n}}, std::vector<float>(n, 1));
  const auto outputs = RunCompiled(*graph, {{"x", ones}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].AsDouble(0), n);
  EXPECT_EQ(outputs[0].AsDouble(n - 1), 1);
}

struct ScatterCase {
  std::string op;
  Shape data, updates;
  std::string reduction = "none";
};

ModelBuilder ScatterModel(const ScatterCase& c, const Tensor& indices) {
  ModelBuilder m(18);
  m.Input("x", c.data);
  m.Input("i", indices.shape(), onnx::TensorProto::INT64);
  m.Input("u", c.updates);
  SetString(m.Node(c.op, {"x", "i", "u"}, {"y"}), "reduction", c.reduction);
  m.Output("y");
  return m;
}

double Reduce(const std::string& how, double old, double value) {
  if (how == "add") return old + value;
  if (how == "mul") return old * value;
  if (how == "max") return std::max(old, value);
  if (how == "min") return std::min(old, value);
  return value;
}

TEST(ScatterElements, UpdatesAreTakenInOrder) {
  Rng rng(15);
  for (const char* reduction : {"none", "add", "mul", "max", "min"}) {
    const Tensor x = Random(rng, {5, 7}), u = Random(rng, {9, 6});
    Tensor indices({DType::kI64, {9, 6}});
    for (int64_t i = 0; i < 54; ++i) indices.Set(i, static_cast<double>(rng.Below(10)) - 5);
    std::vector<double> expected = Values(x);
    for (int64_t i = 0; i < 54; ++i) {
      const int64_t row = (indices.AsInt(i) + 5) % 5;
      double& at = expected[static_cast<size_t>(row * 7 + i % 6)];
      at = Reduce(reduction, at, u.AsDouble(i));
    }
    const auto outputs =
        RunBoth(ScatterModel({"ScatterElements", {5, 7}, {9, 6}, reduction}, indices),
                {{"x", x}, {"i", indices}, {"u", u}}, 1e-6);
    ASSERT_EQ(outputs.size(), 1u);
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(outputs[0].AsDouble(i), expected[i], 1e-5) << reduction << " " << i;
    }
  }
}

TEST(ScatterNd, ManyTuplesCostTheirNumber) {
  const int64_t n = 200'000;
  Tensor x({DType::kF32, {n}}), indices({DType::kI64, {n, 1}}), u({DType::kF32, {n}});
  for (int64_t i = 0; i < n; ++i) {
    indices.Set(i, static_cast<double>(n - 1 - i));
    u.Set(i, static_cast<double>(i));
  }
  const auto graph = ImportOnnx(ScatterModel({"ScatterND", {n}, {n}}, indices).Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto outputs = RunCompiled(*graph, {{"x", x}, {"i", indices}, {"u", u}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].AsDouble(0), n - 1);
  EXPECT_EQ(outputs[0].AsDouble(n - 1), 0);
}

TEST(ScatterNd, ASingleTupleIsOneUpdate) {
  const Tensor x({DType::kF32, {2, 2}}, std::vector<float>{1, 2, 3, 4});
  const Tensor indices({DType::kI64, {2}}, std::vector<int64_t>{1, -2});
  const Tensor u({DType::kF32, {}}, std::vector<float>{9});
  const auto outputs = Evaluate(ScatterModel({"ScatterND", {2, 2}, {}}, indices),
                                {{"x", x}, {"i", indices}, {"u", u}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(1, 2, 9, 4));
}

// A pool's input is [1,1,4,4] for kernels of 2 x 2 and values [1,1,2,2].
ModelBuilder UnpoolModel(const Shape& output) {
  ModelBuilder m(11);
  m.Input("x", {1, 1, 2, 2});
  m.Input("i", {1, 1, 2, 2}, onnx::TensorProto::INT64);
  m.Ints("shape", output);
  onnx::NodeProto& node = m.Node("MaxUnpool", {"x", "i", "shape"}, {"y"});
  SetInts(node, "kernel_shape", {2, 2});
  SetInts(node, "strides", {2, 2});
  m.Output("y");
  return m;
}

TEST(MaxUnpool, ValuesStayWhereThePoolTookThemFromInALargerOutput) {
  const Tensor x({DType::kF32, {1, 1, 2, 2}}, std::vector<float>{1, 2, 3, 4});
  const Tensor i({DType::kI64, {1, 1, 2, 2}}, std::vector<int64_t>{5, 2, 8, 99});
  const auto outputs = RunBoth(UnpoolModel({1, 1, 4, 5}), {{"x", x}, {"i", i}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(Values(outputs[0]),
              ElementsAre(0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0));
}

TEST(MaxUnpool, AnOutputWithoutRoomForThePoolsInputIsRefused) {
  for (const Shape& output : {Shape{1, 1, 3, 4}, Shape{1, 2, 4, 4}, Shape{4, 4}}) {
    const auto graph = ImportOnnx(UnpoolModel(output).Bytes(), {});
    ASSERT_FALSE(graph.ok());
    EXPECT_THAT(std::string(graph.status().message()),
                HasSubstr("is not at least the pool's input [1,1,4,4]"));
  }
}

// ---- outputs whose size depends on data ----

TEST(DataDependentSizes, AnOutputHasRoomAndACount) {
  ModelBuilder m(13);
  m.Input("x", {2, 3});
  m.Node("NonZero", {"x"}, {"y"});
  m.Output("y");
  const Tensor x({DType::kF32, {2, 3}}, std::vector<float>{0, 1, 0, 2, 0, 3});
  const auto graph = ImportOnnx(m.Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(graph->output_names, ElementsAre("y", "y.count"));
  const auto outputs = RunBoth(m, {{"x", x}});
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].shape(), (Shape{2, 6}));
  EXPECT_EQ(outputs[1].AsInt(0), 3);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(0, 1, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0));
}

TEST(DataDependentSizes, AConstantGivesExactlyWhatThereIs) {
  ModelBuilder m(13);
  m.Input("x", {1});
  m.Ints("c", {0, 5, 0, 7});
  m.Node("NonZero", {"c"}, {"n"});
  m.Node("Cast", {"n"}, {"f"});
  SetInt(*m.graph().mutable_node(1), "to", onnx::TensorProto::FLOAT);
  m.Node("Add", {"f", "x"}, {"y"});
  m.Output("y");
  const auto outputs = Evaluate(m, {{"x", Tensor({DType::kF32, {1}})}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(1, 3));
}

// Two overlapping boxes and one apart, of which the best is the second.
Tensors BoxesAndScores() {
  return {{"b", Tensor({DType::kF32, {1, 3, 4}},
                       std::vector<float>{0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11})},
          {"s", Tensor({DType::kF32, {1, 1, 3}}, std::vector<float>{0.8f, 0.9f, 0.5f})}};
}

ModelBuilder DetectorModel() {
  ModelBuilder m(13);
  m.Input("b", {1, 3, 4});
  m.Input("s", {1, 1, 3});
  m.Ints("most", {10});
  m.Floats("overlap", {1}, 0.5f);
  m.Node("NonMaxSuppression", {"b", "s", "most", "overlap"}, {"n"});
  return m;
}

TEST(DataDependentSizes, SuppressedBoxesAreCountedOut) {
  ModelBuilder m = DetectorModel();
  m.Output("n");
  const auto outputs = RunBoth(m, BoxesAndScores());
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[1].AsInt(0), 2);
  EXPECT_THAT(Values(outputs[0]), ElementsAre(0, 0, 1, 0, 0, 2, 0, 0, 0));
}

TEST(DataDependentSizes, WhatIsGatheredByThemHasTheirCount) {
  ModelBuilder m = DetectorModel();
  m.Ints("two", {2}).clear_dims();
  SetInt(m.Node("Gather", {"n", "two"}, {"which"}), "axis", 1);
  m.Ints("zero", {0}).clear_dims();
  SetInt(m.Node("Gather", {"b", "zero"}, {"first"}), "axis", 0);
  SetInt(m.Node("Gather", {"first", "which"}, {"y"}), "axis", 0);
  m.Output("y");
  const auto outputs = RunBoth(m, BoxesAndScores());
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[1].AsInt(0), 2);
  EXPECT_EQ(outputs[0].shape(), (Shape{3, 4}));
  EXPECT_FLOAT_EQ(static_cast<float>(outputs[0].AsDouble(1)), 0.1f);
  EXPECT_FLOAT_EQ(static_cast<float>(outputs[0].AsDouble(5)), 10);
}

TEST(DataDependentSizes, WhatWouldMixTheRoomInIsRefused) {
  for (const char* op : {"ReduceSum", "Shape"}) {
    ModelBuilder m(13);
    m.Input("x", {4});
    m.Node("NonZero", {"x"}, {"n"});
    m.Node(op, {"n"}, {"y"});
    m.Output("y");
    const auto graph = ImportOnnx(m.Bytes(), {});
    ASSERT_FALSE(graph.ok()) << op;
    EXPECT_THAT(std::string(graph.status().message()), HasSubstr("depends on data")) << op;
  }
}

}  // namespace
}  // namespace tilewright
