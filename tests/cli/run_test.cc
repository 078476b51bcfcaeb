// What `tilewright run` does around the runtime: inputs, outputs, the summary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/run/model_inputs.h"
#include "cli/run/profile.h"
#include "cli/run/time_summary.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

TEST(TimeSummary, IsTheMeanMedianExtremesAndPopulationDeviation) {
  const TimeSummary odd = Summarize({5, 1, 3});
  EXPECT_EQ(odd.mean, 3);
  EXPECT_EQ(odd.median, 3);
  EXPECT_EQ(odd.max, 5);
  EXPECT_EQ(odd.min, 1);
  EXPECT_NEAR(odd.deviation, 1.632993, 1e-6);
  EXPECT_EQ(Summarize({4, 1, 2, 9}).median, 3);
}

TEST(TimeSummary, IsPrintedAsTvmcPrintsIt) {
  EXPECT_EQ(
      ToText({.mean = 3.4426, .median = 3.4623, .max = 5.6511, .min = 3.048, .deviation = 0.4118}),
      "Execution time summary:\n"
      " mean (ms)   median (ms)    max (ms)     min (ms)     std (ms)  \n"
      "   3.4426       3.4623       5.6511       3.0480       0.4118   \n");
}

class RunTest : public testing::Test {
 protected:
  RunTest() : file_(TinyPackage()) {
    tw_model* model = nullptr;
    EXPECT_EQ(tw_load(file_.path().c_str(), 1, &model), TW_OK) << tw_last_error();
    model_.reset(model);
  }
  // The output's values after a run.
  std::vector<float> Run() {
    EXPECT_EQ(tw_run(model_.get()), TW_OK);
    const auto outputs = GetOutputs(model_.get());
    EXPECT_EQ(outputs->front().name, "y");
    EXPECT_EQ(outputs->front().shape, (std::vector<int64_t>{10, kTinySize / 10}));
    const auto* values = reinterpret_cast<const float*>(outputs->front().data.data());
    return {values, values + kTinySize};
  }
  std::string Refusal(const std::vector<NpzArray>& arrays) {
    const absl::Status status = SetInputs(model_.get(), arrays);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
  static NpzArray Good() {
    return {"x", "float32", {10, kTinySize / 10}, std::string(kTinySize * 4, '\0')};
  }

  TemporaryFile file_;
  ModelHandle model_;
};

TEST_F(RunTest, FillsWithZerosOnesOrSeededRandomValues) {
  ASSERT_TRUE(FillInputs(model_.get(), "zeros", 0).ok());
  EXPECT_EQ(Run()[7], 7);
  ASSERT_TRUE(FillInputs(model_.get(), "ones", 0).ok());
  EXPECT_EQ(Run()[7], 9);
  ASSERT_TRUE(FillInputs(model_.get(), "random", 1).ok());
  const std::vector<float> first = Run();
  ASSERT_TRUE(FillInputs(model_.get(), "random", 1).ok());
  EXPECT_EQ(Run(), first);
  ASSERT_TRUE(FillInputs(model_.get(), "random", 2).ok());
  EXPECT_NE(Run(), first);
}

TEST_F(RunTest, ProfilesEveryCallOfThePlan) {
  const auto calls = ProfileCalls(model_.get(), 2);
  ASSERT_TRUE(calls.ok());
  ASSERT_EQ(calls->size(), 2u);
  EXPECT_EQ((*calls)[0].kernel, "double_it");
  EXPECT_EQ((*calls)[1].label, "bias");
  EXPECT_EQ((*calls)[1].flops, 20);
}

TEST(Profile, SaysTheShareOfPlainSchedulesAndTheSpeed) {
  const std::string text = ToText({{"a conv2d", "k0", "conv2d_nchw.cpu", 3, 6e9},
                                   {"b relu", "k1", "plain", 0.5, 0},
                                   {"b relu", "k2", "plain", 0.5, 0}});
  EXPECT_THAT(text, HasSubstr("a conv2d  k0             conv2d_nchw.cpu  3.0000   75.0   2000.0"));
  EXPECT_THAT(text, HasSubstr("b relu    k1 and 1 more  plain            1.0000   25.0"));
  EXPECT_THAT(text, HasSubstr("25.0 % of the time in plain schedules, 75.0 % in templates"));
}

TEST_F(RunTest, TakesTheArraysOfTheModelsInputs) {
  EXPECT_TRUE(SetInputs(model_.get(), {Good()}).ok());
  EXPECT_EQ(Run()[7], 7);
}

TEST_F(RunTest, NamesBothSidesOfAMismatch) {
  NpzArray named = Good(), shaped = Good(), typed = Good();
  named.name = "image";
  shaped.shape = {kTinySize};
  typed.dtype = "int32";
  EXPECT_EQ(Refusal({}), "the model's inputs are x; the arrays given are none");
  EXPECT_EQ(Refusal({named}), "the model's inputs are x; the arrays given are image");
  EXPECT_THAT(Refusal({Good(), named}), HasSubstr("given are image, x"));
  EXPECT_EQ(Refusal({shaped}), "input x is float32[10,100], the array given is float32[1000]");
  EXPECT_EQ(Refusal({typed}), "input x is float32[10,100], the array given is int32[10,100]");
}

}  // namespace
}  // namespace tilewright
