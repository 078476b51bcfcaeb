// Networks of the zoo with several shapes in one package, as a user has them: the outputs of a
// package of each shape alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "cli/npz/npz.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using nlohmann::json;
using testing::HasSubstr;

CommandResult Done(const CommandLine& tw, const std::string& line) {
  const CommandResult result = tw.Run(line);
  EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.err;
  return result;
}

// The largest difference of all outputs, relative to the largest value of each.
double Difference(const std::string& got_path, const std::string& want_path) {
  const auto got = ReadNpz(got_path), want = ReadNpz(want_path);
  EXPECT_TRUE(got.ok() && want.ok()) << got.status() << want.status();
  double worst = 0;
  for (size_t a = 0; a < want->size(); ++a) {
    EXPECT_EQ((*got)[a].shape, (*want)[a].shape) << (*want)[a].name;
    const auto* x = reinterpret_cast<const float*>((*got)[a].data.data());
    const auto* y = reinterpret_cast<const float*>((*want)[a].data.data());
    double scale = 1e-30, difference = 0;
    for (size_t i = 0; i < (*want)[a].data.size() / sizeof(float); ++i) {
      scale = std::max(scale, std::fabs(static_cast<double>(y[i])));
      difference = std::max(difference, std::fabs(static_cast<double>(x[i]) - y[i]));
    }
    worst = std::max(worst, difference / scale);
  }
  return worst;
}

NpzArray Random(const std::string& name, std::vector<int64_t> shape, uint64_t seed) {
  Rng rng(seed);
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  std::string data(static_cast<size_t>(size) * 4, '\0');
  for (int64_t i = 0; i < size; ++i) {
    reinterpret_cast<float*>(data.data())[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  return {name, "float32", std::move(shape), std::move(data)};
}

TEST(Bindings, AMobilenetHasBatchesInOnePackage) {
  const CommandLine tw;
  Done(tw, "zoo mobilenet_v2 --image 96 -o m.onnx");
  const std::string compile = "compile m.onnx --records none --json -o ";
  const json several =
      json::parse(Done(tw, compile + "several.tar --input-shape data:1,3,96,96 "
                                     "--input-shape data:4,3,96,96 --input-shape data:8,3,96,96")
                      .out);
  EXPECT_EQ(several["bindings"].size(), 3u);
  EXPECT_EQ(several["bindings"][1]["padded"], json({0}));
  EXPECT_EQ(several["bindings"][2]["padded"], json({0}));
  uint64_t alone = 0;
  for (const int64_t batch : {1, 3, 4, 7}) {
    const std::string name = absl::StrCat("b", batch);
    ASSERT_TRUE(WriteNpz(tw / (name + ".npz"), {Random("data", {batch, 3, 96, 96}, 5)}).ok());
    const json one = json::parse(
        Done(tw, absl::StrCat(compile, name, ".tar --input-shape data:", batch, ",3,96,96")).out);
    alone = one["bytes"];
    Done(tw, absl::StrCat("run several.tar -i ", name, ".npz -o got.npz"));
    Done(tw, absl::StrCat("run ", name, ".tar -i ", name, ".npz -o want.npz"));
    EXPECT_LT(Difference(tw / "got.npz", tw / "want.npz"), 1e-5) << batch;
  }
  EXPECT_LT(several["bytes"].get<double>(), 1.6 * static_cast<double>(alone));
  ASSERT_TRUE(WriteNpz(tw / "nine.npz", {Random("data", {9, 3, 96, 96}, 5)}).ok());
  const CommandResult nine = tw.Run("run several.tar -i nine.npz");
  EXPECT_EQ(nine.exit_code, 3);
  EXPECT_THAT(nine.err, HasSubstr("no shapes for data:9,3,96,96; it has data:1,3,96,96"));
}

std::vector<NpzArray> Tokens(int64_t batch, int64_t length) {
  std::vector<NpzArray> arrays;
  for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
    std::string data(static_cast<size_t>(batch * length) * 8, '\0');
    auto* values = reinterpret_cast<int64_t*>(data.data());
    for (int64_t i = 0; i < batch * length; ++i) {
      values[i] = name[0] == 'i' ? i * 37 % 30000 : name[0] == 'a' ? i % 11 != 0 : 0;
    }
    arrays.push_back({name, "int64", {batch, length}, std::move(data)});
  }
  return arrays;
}

std::string ShapesOf(int64_t batch, int64_t length) {
  std::string options;
  for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
    absl::StrAppend(&options, " --input-shape ", name, ":", batch, ",", length);
  }
  return options;
}

TEST(Bindings, ABertHasSequencesAndPadsItsBatchButNotThem) {
  const CommandLine tw;
  Done(tw, "zoo bert_base -o bert.onnx");
  const std::string compile = "compile bert.onnx --records none --json -o ";
  const json several = json::parse(
      Done(tw, compile + "several.tar" + ShapesOf(1, 16) + ShapesOf(3, 16) + ShapesOf(3, 32)).out);
  const json& largest = several["bindings"][2];
  EXPECT_EQ(largest["padded"], json({0})) << several.dump();
  EXPECT_THAT(largest["unpadded"].dump(),
              HasSubstr("dimension 1 of input input_ids cannot be padded"));
  const json one = json::parse(Done(tw, compile + "one.tar" + ShapesOf(2, 32)).out);
  EXPECT_LT(several["bytes"].get<double>(), 1.2 * one["bytes"].get<double>());
  ASSERT_TRUE(WriteNpz(tw / "in.npz", Tokens(2, 32)).ok());
  Done(tw, "run several.tar -i in.npz -o got.npz");  // padded to three
  Done(tw, "run one.tar -i in.npz -o want.npz");
  EXPECT_LT(Difference(tw / "got.npz", tw / "want.npz"), 1e-4);
  ASSERT_TRUE(WriteNpz(tw / "in.npz", Tokens(3, 24)).ok());
  const CommandResult between = tw.Run("run several.tar -i in.npz");
  EXPECT_EQ(between.exit_code, 3);
  EXPECT_THAT(between.err, HasSubstr("dimension 1 of input input_ids cannot be padded"));
}

TEST(Bindings, CheckAndTasksTellOfEach) {
  const CommandLine tw;
  Done(tw, "zoo mlp -o m.onnx");
  const std::string two = " m.onnx --input-shape data:1,1,28,28 --input-shape data:8,1,28,28 ";
  const json checked = json::parse(Done(tw, "check" + two + "--json").out);
  ASSERT_EQ(checked["bindings"].size(), 2u);
  EXPECT_EQ(checked["bindings"][1]["binding"], "data:8,1,28,28");
  EXPECT_FALSE(checked["bindings"][1]["layers"].empty());
  EXPECT_THAT(Done(tw, "check" + two).out, HasSubstr("data:8,1,28,28\n"));
  const json one = json::parse(Done(tw, "tasks m.onnx --json").out);
  const json both = json::parse(Done(tw, "tasks" + two + "--json").out);
  EXPECT_EQ(both.size(), 2 * one.size());
  const json same = json::parse(
      Done(tw, "tasks m.onnx --input-shape data:1,1,28,28 --input-shape data:1,1,28,28 --json")
          .out);
  EXPECT_EQ(same.size(), one.size());
  EXPECT_EQ(same[0]["layers"], 2);
}

// The kernels of all bindings are tuned, and each network decides by itself.
TEST(Bindings, OneTuneTunesAll) {
  const CommandLine tw;
  Done(tw, "zoo mlp -o m.onnx");
  const std::string two = " m.onnx --input-shape data:1,1,28,28 --input-shape data:8,1,28,28 ";
  const json tuned =
      json::parse(Done(tw, "tune" + two + "--records r.db --trials 48 --seed 1 --json").out);
  EXPECT_GE(tuned["model"]["rounds_of_whole_network"].get<int>(), 5);
  for (const char* shape : {"data:1,1,28,28", "data:8,1,28,28"}) {
    const CommandResult explained =
        Done(tw, absl::StrCat("explain m.onnx --records r.db --input-shape ", shape));
    EXPECT_THAT(explained.out, HasSubstr("record (in the network)")) << shape;
  }
  const json compiled =
      json::parse(Done(tw, "compile" + two + "--records r.db -o m.tar --json").out);
  EXPECT_TRUE(compiled["untuned"].empty()) << compiled["untuned"];
}

}  // namespace
}  // namespace tilewright
