// Every network of the zoo, by the catalogue: published sizes, reproducible bytes, clear refusals.
#include "compiler/onnx/zoo/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "compiler/onnx/onnx.pb.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::IsSupersetOf;

// An image that the last layers of most networks just survive: quick to write.
constexpr int64_t kSmallImage = 96;
const std::set<std::string> kNoSmallImage = {"bert_base", "ssd300_vgg16", "stories15m"};

ZooOptions SmallOptions(const std::string& name) {
  ZooOptions options;
  if (!kNoSmallImage.contains(name)) options.image = kSmallImage;
  return options;
}

onnx::ModelProto Model(const std::string& name, const ZooOptions& options = {}) {
  const auto bytes = MakeZooModel(name, options);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(*bytes));
  return model;
}

int64_t Elements(const onnx::TensorProto& tensor) {
  int64_t count = 1;
  for (const int64_t extent : tensor.dims()) count *= extent;
  return count;
}

bool IsStatistic(const onnx::TensorProto& tensor) {
  return tensor.name().find(".running_") != std::string::npos;
}

TEST(Zoo, HoldsTheStandardNetworks) {
  std::vector<std::string> names;
  for (const ZooEntry& entry : ZooNetworks()) names.push_back(entry.name);
  EXPECT_THAT(names,
              IsSupersetOf({"resnet18", "resnet50", "mobilenet_v1", "mobilenet_v2", "squeezenet1_1",
                            "vgg16", "inception_v3", "densenet121", "bert_base", "mlp"}));
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

class ZooNetworkTest : public testing::TestWithParam<ZooEntry> {};
INSTANTIATE_TEST_SUITE_P(All, ZooNetworkTest, testing::ValuesIn(ZooNetworks()),
                         [](const auto& info) { return info.param.name; });

TEST_P(ZooNetworkTest, HasAsManyParametersAsPublished) {
  const onnx::ModelProto model = Model(GetParam().name);
  int64_t parameters = 0;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    ASSERT_EQ(tensor.raw_data().size(), static_cast<size_t>(Elements(tensor)) * sizeof(float));
    if (!IsStatistic(tensor)) parameters += Elements(tensor);
  }
  EXPECT_EQ(parameters, GetParam().parameters);
}

TEST_P(ZooNetworkTest, DefinesEveryNameOnceBeforeItsUse) {
  const onnx::ModelProto model = Model(GetParam().name, SmallOptions(GetParam().name));
  std::set<std::string> defined;
  for (const auto& input : model.graph().input()) defined.insert(input.name());
  for (const auto& tensor : model.graph().initializer()) {
    EXPECT_TRUE(defined.insert(tensor.name()).second) << tensor.name();
  }
  for (const auto& node : model.graph().node()) {
    for (const auto& input : node.input()) {  // "": an optional one that is not given
      EXPECT_TRUE(input.empty() || defined.contains(input)) << input;
    }
    for (const auto& output : node.output()) EXPECT_TRUE(defined.insert(output).second) << output;
  }
  for (const auto& output : model.graph().output()) EXPECT_EQ(defined.count(output.name()), 1u);
}

// Hundreds of megabytes three times over would show nothing more.
std::vector<ZooEntry> SmallNetworks() {
  std::vector<ZooEntry> small = ZooNetworks();
  std::erase_if(small, [](const ZooEntry& entry) { return entry.parameters > 50'000'000; });
  return small;
}

class SmallZooNetworkTest : public testing::TestWithParam<ZooEntry> {};
INSTANTIATE_TEST_SUITE_P(All, SmallZooNetworkTest, testing::ValuesIn(SmallNetworks()),
                         [](const auto& info) { return info.param.name; });

TEST_P(SmallZooNetworkTest, GivesTheSameBytesForTheSameSeedOnly) {
  ZooOptions options = SmallOptions(GetParam().name);
  const auto first = MakeZooModel(GetParam().name, options);
  EXPECT_EQ(*first, *MakeZooModel(GetParam().name, options));
  options.seed = 1;
  EXPECT_NE(*first, *MakeZooModel(GetParam().name, options));
}

TEST(Zoo, DrawsWeightsOfHeVariance) {
  const onnx::ModelProto model = Model("resnet18");
  for (const auto& tensor : model.graph().initializer()) {
    if (tensor.name() != "layer3.1.conv2.weight") continue;
    const auto* weights = reinterpret_cast<const float*>(tensor.raw_data().data());
    const int64_t count = Elements(tensor);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; ++i) {
      sum += weights[i];
      squares += weights[i] * weights[i];
    }
    const double wanted = 2.0 / (256 * 9);
    // Ten standard errors of the mean and of the variance over 589,824 weights.
    EXPECT_NEAR(sum / count, 0, 10 * std::sqrt(wanted / count));
    EXPECT_NEAR(squares / count, wanted, 10 * wanted * std::sqrt(2.0 / count));
    return;
  }
  FAIL() << "the layer is missing";
}

TEST(Zoo, BindsBatchAndImage) {
  const onnx::ModelProto model = Model("mobilenet_v2", {.batch = 3, .image = 160});
  std::vector<int64_t> shape;
  for (const auto& dim : model.graph().input(0).type().tensor_type().shape().dim()) {
    shape.push_back(dim.dim_value());
  }
  EXPECT_EQ(shape, (std::vector<int64_t>{3, 3, 160, 160}));
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(0).dim_value(), 3);
}

TEST(Zoo, RefusesOptionsOutOfRange) {
  EXPECT_EQ(MakeZooModel("resnet18", {.batch = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeZooModel("resnet18", {.image = 5000}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeZooModel("bert_base", {.image = 224}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto small = MakeZooModel("inception_v3", {.image = 32}).status();
  EXPECT_EQ(small.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(small.message()), HasSubstr("image is too small"));
}

TEST(Zoo, ListsTheKnownNamesForAnUnknownOne) {
  const auto status = MakeZooModel("resnet19", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("resnet18, resnet50"));
}

TEST(Zoo, WritesTheSameBytesToAFile) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "tilewright-zoo-test.onnx";
  ASSERT_TRUE(WriteZooModel("mlp", {}, path).ok());
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  std::filesystem::remove(path);
  EXPECT_EQ(bytes.str(), *MakeZooModel("mlp", {}));
}

TEST(Zoo, SaysWhyItCannotWrite) {
  const auto status = WriteZooModel("mlp", {}, "/nonexistent/folder/mlp.onnx");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("No such file"));
}

}  // namespace
}  // namespace tilewright
