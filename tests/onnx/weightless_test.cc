// Models that travel without their weights.
#include "compiler/onnx/weightless.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "compiler/driver/compile_model.h"
#include "compiler/onnx/zoo/zoo.h"
#include "tests/onnx/model_builder.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Lt;

constexpr int64_t kMuch = int64_t{1} << 30;

class Weightless : public ::testing::Test {
 protected:
  std::string Write(const std::string& bytes) {
    const std::string path = folder_ / "m.onnx";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string Stripped(ModelBuilder& model) { return WithoutWeights(Write(model.Bytes())).value(); }
  TempFolder folder_;
};

// y = x * w + b.
ModelBuilder Dense(int64_t in, int64_t out) {
  ModelBuilder model;
  model.Input("x", {1, in});
  model.Floats("w", {in, out}, 0.25f);
  model.Floats("b", {out}, 0.25f);
  model.Node("Gemm", {"x", "w", "b"}, {"y"});
  model.Output("y");
  return model;
}

onnx::TensorProto& Weight(onnx::ModelProto& model) {
  return *model.mutable_graph()->mutable_initializer(0);
}

std::vector<std::string> TasksOf(Graph graph) {
  const Target target = ParseTarget("cpu -mcpu=x86-64-v3").value();
  std::vector<std::string> keys;
  const std::vector<ModelTask> tasks = ExtractTasks(std::move(graph), target, {}).value();
  for (const ModelTask& task : tasks) {
    keys.push_back(task.task.workload.Key() + " " + std::to_string(task.count));
  }
  return keys;
}

TEST_F(Weightless, ANetworkIsATenthOfItselfAndHasTheSameLayers) {
  for (const char* name : {"mlp", "squeezenet1_1", "mobilenet_v2"}) {
    const std::string path = folder_ / "zoo.onnx";
    ASSERT_TRUE(WriteZooModel(name, {}, path).ok());
    const std::string bytes = WithoutWeights(path).value();
    EXPECT_LT(bytes.size(), std::filesystem::file_size(path) / 10) << name;
    const auto graph = ImportWithoutWeights(bytes, {}, kMuch);
    ASSERT_TRUE(graph.ok()) << graph.status();
    EXPECT_EQ(TasksOf(*graph), TasksOf(ImportOnnxFile(path, {}).value())) << name;
  }
}

TEST_F(Weightless, WhatShapesComeFromAndWhatIsSmallStays) {
  ModelBuilder model;
  model.Input("x", {1, 64, 64});
  model.Ints("shape", {64, 64});
  std::vector<int64_t> many(1000, 0);
  model.Ints("indices", many);
  model.Floats("small", {64}, 3);
  model.Node("Reshape", {"x", "shape"}, {"r"});
  model.Node("Gather", {"r", "indices"}, {"g"});
  model.Node("Add", {"g", "small"}, {"y"});
  model.Output("y");
  onnx::ModelProto stripped;
  ASSERT_TRUE(stripped.ParseFromString(Stripped(model)));
  EXPECT_EQ(stripped.graph().initializer(1).int64_data_size(), 1000);
  EXPECT_EQ(stripped.graph().initializer(2).float_data(0), 3);
  EXPECT_TRUE(ImportWithoutWeights(stripped.SerializeAsString(), {}, 0).ok());
}

TEST_F(Weightless, WhatInputsAreFixedToTravelsWithTheModel) {
  ModelBuilder model;
  model.Input("x", {6});
  model.Input("s", {2}, onnx::TensorProto::INT64);
  model.Node("Reshape", {"x", "s"}, {"y"});
  model.Output("y");
  const auto bytes = WithoutWeights(Write(model.Bytes()), {.input_values = {{"s", {"3", "2"}}}});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto graph = ImportWithoutWeights(*bytes, {}, kMuch);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->values[graph->outputs[0]].type.shape, (Shape{3, 2}));
}

TEST_F(Weightless, MadeUpWeightsAreTheSameEveryTimeAndNeverTooSmall) {
  ModelBuilder model = Dense(64, 32);
  const std::string bytes = Stripped(model);
  const auto weights = [&] {
    const Graph graph = ImportWithoutWeights(bytes, {}, kMuch).value();
    std::vector<float> sizes;
    for (const auto& value : graph.values) {
      if (value.constant.empty() || value.constant.size() != 64 * 32) continue;
      const float* data = value.constant.as<float>();
      for (int i = 0; i < 64 * 32; ++i) sizes.push_back(std::abs(data[i]));
    }
    return sizes;
  };
  EXPECT_EQ(weights().size(), 64u * 32u);
  EXPECT_EQ(weights(), weights());
  EXPECT_THAT(weights(), Each(AllOf(testing::Gt(1e-3f), Lt(1.5f))));
}

TEST_F(Weightless, MoreWeightsThanAllowedAreRefusedBeforeTheyAreMade) {
  ModelBuilder model = Dense(64, 32);
  onnx::ModelProto stripped;
  ASSERT_TRUE(stripped.ParseFromString(Stripped(model)));
  Weight(stripped).set_dims(0, int64_t{1} << 34);
  const auto huge = ImportWithoutWeights(stripped.SerializeAsString(), {}, kMuch);
  EXPECT_TRUE(absl::IsInvalidArgument(huge.status()));
  EXPECT_THAT(huge.status().message(), HasSubstr("weights are above"));
  Weight(stripped).set_dims(0, int64_t{1} << 62);
  EXPECT_FALSE(ImportWithoutWeights(stripped.SerializeAsString(), {}, kMuch).ok());
  Weight(stripped).set_dims(0, -1);
  EXPECT_FALSE(ImportWithoutWeights(stripped.SerializeAsString(), {}, kMuch).ok());
}

TEST_F(Weightless, AStrangersModelReadsNoFileAndMakesUpNoIndices) {
  ModelBuilder model = Dense(64, 32);
  onnx::ModelProto stripped;
  ASSERT_TRUE(stripped.ParseFromString(Stripped(model)));
  onnx::ModelProto other = stripped;
  Weight(other).mutable_external_data(0)->set_value("passwd");
  EXPECT_FALSE(ImportWithoutWeights(other.SerializeAsString(), {.folder = "/etc"}, kMuch).ok());
  other = stripped;
  Weight(other).set_data_type(onnx::TensorProto::INT64);
  const auto indices = ImportWithoutWeights(other.SerializeAsString(), {}, kMuch);
  EXPECT_THAT(indices.status().message(), HasSubstr("without its values"));
}

TEST_F(Weightless, AnOrdinaryImporterRefusesWhatHasNoWeights) {
  ModelBuilder model = Dense(64, 32);
  EXPECT_FALSE(ImportOnnx(Stripped(model), {}).ok());
}

}  // namespace
}  // namespace tilewright
