// tilewright quantize on a network of the zoo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/rng.h"
#include "cli/npz/npz.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class QuantizeVerb : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(command_.Run("zoo mlp --image 6 -o mlp.onnx").exit_code, 0);
    WriteImages("images.npz", {5, 1, 6, 6});
  }

  void WriteImages(const std::string& name, const std::vector<int64_t>& shape) {
    Rng rng(3);
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    std::string bytes;
    for (int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<float>(rng.Unit());
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    ASSERT_TRUE(WriteNpz(command_ / name, {{"data", "float32", shape, bytes}}).ok());
  }

  CommandLine command_;
};

TEST_F(QuantizeVerb, WritesAModelThatCompilesAndTellsEachLayersError) {
  for (const char* method : {"minmax", "percentile", "entropy"}) {
    const CommandResult result = command_.Run(
        std::string("quantize mlp.onnx --calibration images.npz --json -o q.onnx --method ") +
        method);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json report = json::parse(result.out);
    ASSERT_EQ(report["layers"].size(), 3u);
    for (const json& layer : report["layers"]) {
      EXPECT_GT(layer["error"], 0);
      EXPECT_LT(layer["error"], 0.1) << method << layer;
      EXPECT_LE(layer["range"][0], 0);
    }
    EXPECT_EQ(command_.Run("compile q.onnx -o q.tar").exit_code, 0);
    EXPECT_EQ(command_.Run("run q.tar --fill random").exit_code, 0);
  }
}

TEST_F(QuantizeVerb, NarrowsToSixteenBitFloatsWithAndWithoutData) {
  for (const std::string to : {"bf16", "fp16"}) {
    const CommandResult blind = command_.Run("quantize mlp.onnx -o n.onnx --to " + to);
    EXPECT_EQ(blind.exit_code, 0) << blind.err;
    EXPECT_EQ(blind.out, "n.onnx: " + to + ", 3 layers\n");
    const CommandResult seen =
        command_.Run("quantize mlp.onnx -o n.onnx --calibration images.npz --to " + to);
    EXPECT_EQ(seen.exit_code, 0) << seen.err;
    EXPECT_THAT(seen.out, HasSubstr("largest error"));
    EXPECT_EQ(command_.Run("compile n.onnx -o n.tar").exit_code, 0);
  }
}

TEST_F(QuantizeVerb, AModelWithoutANameIsBadInput) {
  const CommandResult result = command_.Run("quantize '' --to bf16 -o narrow.onnx");
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.err, HasSubstr("cannot be read"));
}

TEST_F(QuantizeVerb, CalibrationDataThatDoesNotFitIsBadInputAndNothingIsWritten) {
  WriteImages("wide.npz", {5, 1, 6, 7});
  const CommandResult wide = command_.Run("quantize mlp.onnx --calibration wide.npz -o q.onnx");
  EXPECT_EQ(wide.exit_code, 3);
  EXPECT_THAT(wide.err, HasSubstr("input data is float32[1,1,6,6], the array given is "
                                  "float32[5,1,6,7]"));
  ASSERT_TRUE(WriteNpz(command_ / "other.npz", {{"image", "float32", {1}, "1234"}}).ok());
  EXPECT_THAT(command_.Run("quantize mlp.onnx --calibration other.npz -o q.onnx").err,
              HasSubstr("no array for the input data; the arrays given are image"));
  EXPECT_EQ(command_.Run("quantize mlp.onnx --calibration none.npz -o q.onnx").exit_code, 3);
  EXPECT_EQ(command_.Run("quantize none.onnx --calibration images.npz -o q.onnx").exit_code, 3);
  EXPECT_EQ(command_.Run("quantize mlp.onnx -o q.onnx").exit_code, 2) << "int8 needs data";
  EXPECT_EQ(command_.Run("quantize mlp.onnx --to int4 -o q.onnx").exit_code, 2);
  EXPECT_EQ(command_.Run("quantize mlp.onnx --calibration images.npz -o mlp.onnx").exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(command_ / "q.onnx"));
}

}  // namespace
}  // namespace tilewright
