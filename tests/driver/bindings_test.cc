// Several shapes of one graph in one package.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "compiler/driver/compile_model.h"
#include "compiler/targets/target_backend.h"
#include "tests/driver/loaded_package.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Graph Classifier(int64_t batch) {
  GraphBuilder b;
  ValueId x = b.Relu(b.BatchNorm(b.Conv("conv", b.Input("data", {batch, 3, 12, 12}),
                                        {.channels = 32, .kernel = 3, .pad = 1})));
  x = b.Reshape(b.GlobalAveragePool(b.MaxPool(x, 2, 2)), {batch, 32});
  return b.Finish({b.Bias(b.Dense("classifier", x, 10))});
}

// Bindings of a network whose input's first axis has these extents.
absl::StatusOr<CompiledModel> CompileBatches(const std::vector<int64_t>& batches,
                                             const std::function<Graph(int64_t)>& build) {
  return CompileBindings(
      batches.size(),
      [&](size_t binding, const std::map<std::string, Shape>& rebound) -> absl::StatusOr<Graph> {
        return build(rebound.empty() ? batches[binding] : rebound.at("data")[0]);
      },
      HostOptions());
}

std::vector<float> Rows(runtime::Model& model, const std::vector<float>& data, int64_t rows) {
  model.Bind({{"data", {rows, 3, 12, 12}}});
  model.SetInput(0, data.data());
  model.Run();
  const auto* y = reinterpret_cast<const float*>(model.outputs()[0].data);
  return {y, y + model.outputs()[0].bytes / sizeof(float)};
}

TEST(CompileBindings, EachGivesWhatAPackageOfItsOwnGives) {
  const auto compiled = CompileBatches({1, 2, 6}, Classifier);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  std::vector<float> data(6 * 3 * 12 * 12);
  Rng rng(3);
  for (float& x : data) x = static_cast<float>(rng.Uniform(-1, 1));
  const std::vector<int64_t> batches = {1, 2, 3, 5, 6, 4, 1};
  std::vector<std::vector<float>> got;
  {
    LoadedPackage several(*compiled);
    for (const int64_t rows : batches) got.push_back(Rows(several.model(), data, rows));
  }
  for (size_t b = 0; b < batches.size(); ++b) {
    LoadedPackage one(CompileModel(Classifier(batches[b]), HostOptions()).value());
    const std::vector<float> expected = Rows(one.model(), data, batches[b]);
    ASSERT_EQ(got[b].size(), expected.size()) << batches[b];
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(got[b][i], expected[i], 1e-5) << batches[b];
    }
  }
}

TEST(CompileBindings, WeightsAreThereOnce) {
  const auto one = CompileModel(Classifier(2), HostOptions());
  const auto several = CompileBatches({2, 3, 4}, Classifier);
  ASSERT_TRUE(several.ok()) << several.status();
  EXPECT_EQ(several->params.size(), one->params.size());
  EXPECT_EQ(several->params, one->params);
}

TEST(CompileBindings, BatchesArePaddedAndTheirPlansSaySo) {
  const auto compiled = CompileBatches({1, 4}, Classifier);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  ASSERT_THAT(compiled->plans, SizeIs(2));
  EXPECT_THAT(compiled->plans[0].padding, SizeIs(0));  // nothing is smaller than one
  ASSERT_THAT(compiled->plans[1].padding, SizeIs(1));
  EXPECT_THAT(compiled->plans[1].padding[0].inputs, ElementsAre(0));
  EXPECT_THAT(compiled->plans[1].padding[0].outputs, ElementsAre(0));
  EXPECT_THAT(compiled->plans[1].unpadded, SizeIs(0));
}

TEST(CompileBindings, WhatMixesSamplesIsNotPaddedAndIsNamed) {
  const auto mean = [](int64_t batch) {
    GraphBuilder b;
    return b.Finish(
        {b.ReduceLast("sum", Reducer::kSum, b.Transpose(b.Input("data", {batch, 3}), {1, 0}))});
  };
  const auto compiled = CompileBatches({2, 5}, mean);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  for (const ExecutionPlan& plan : compiled->plans) {
    EXPECT_THAT(plan.padding, SizeIs(0));
    EXPECT_THAT(plan.unpadded, Each(HasSubstr("dimension 0 of input data cannot be padded: node")));
    EXPECT_THAT(plan.unpadded, SizeIs(1));
  }
}

TEST(CompileBindings, EqualAndForeignBindingsAreRefused) {
  EXPECT_THAT(std::string(CompileBatches({2, 2}, Classifier).status().message()),
              HasSubstr("the same shapes"));
  const auto changing = [](int64_t batch) {
    GraphBuilder b;
    const ValueId x = b.Relu(b.Input("data", {batch, 3}));
    return b.Finish(batch == 2 ? std::vector{x} : std::vector{x, b.Relu(x)});
  };
  EXPECT_THAT(std::string(CompileBatches({2, 3}, changing).status().message()),
              HasSubstr("change in number or rank"));
}

}  // namespace
}  // namespace tilewright
