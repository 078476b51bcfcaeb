#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "runtime/include/tilewright.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

class CApiTest : public testing::TestWithParam<int> {
 protected:
  CApiTest() : file_(TinyPackage()) {
    EXPECT_EQ(tw_load(file_.path().c_str(), GetParam(), &model_), TW_OK) << tw_last_error();
  }
  ~CApiTest() override { tw_free(model_); }

  TemporaryFile file_;
  tw_model* model_ = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Threads, CApiTest, testing::Values(0, 1, 2, 4));

void ExpectTinyResult(tw_model* model, float offset) {
  std::vector<float> x(kTinySize);
  for (int64_t i = 0; i < kTinySize; ++i)
    x[static_cast<size_t>(i)] = offset * static_cast<float>(i);
  ASSERT_EQ(tw_set_input(model, "x", x.data(), x.size() * 4), TW_OK) << tw_last_error();
  ASSERT_EQ(tw_run(model), TW_OK) << tw_last_error();
  const void* data = nullptr;
  ASSERT_EQ(tw_get_output(model, 0, &data), TW_OK);
  const auto* y = static_cast<const float*>(data);
  for (int64_t i = 0; i < kTinySize; ++i) {
    ASSERT_EQ(y[i], (2 * offset + 1) * static_cast<float>(i)) << i;
  }
}

TEST_P(CApiTest, ComputesTheModelAgainAndAgain) {
  for (const float offset : {1.0f, 0.5f, -3.0f}) ExpectTinyResult(model_, offset);
}

TEST_P(CApiTest, NamesTheClassesOfAnOutputThatHasSome) {
  EXPECT_EQ(tw_num_classes(model_, 0), 0u);
  EXPECT_EQ(tw_class_name(model_, 0, 0), nullptr);
  EXPECT_EQ(tw_num_classes(nullptr, 0), 0u);
  ExecutionPlan plan = TinyPlan();
  for (PlanTensor& tensor : plan.tensors) {
    if (tensor.place != "output") continue;
    for (int64_t i = 0; i < kTinySize / 10; ++i) tensor.classes.push_back("c" + std::to_string(i));
  }
  const TemporaryFile file(PackageWithPlan(ToJson(plan)));
  tw_model* model = nullptr;
  ASSERT_EQ(tw_load(file.path().c_str(), GetParam(), &model), TW_OK) << tw_last_error();
  EXPECT_EQ(tw_num_classes(model, 0), static_cast<size_t>(kTinySize / 10));
  EXPECT_EQ(tw_num_classes(model, 1), 0u);
  EXPECT_STREQ(tw_class_name(model, 0, 42), "c42");
  EXPECT_EQ(tw_class_name(model, 0, kTinySize / 10), nullptr);
  EXPECT_EQ(tw_class_name(model, 0, -1), nullptr);
  tw_free(model);
}

TEST_P(CApiTest, DescribesInputsAndOutputs) {
  ASSERT_EQ(tw_num_inputs(model_), 1u);
  ASSERT_EQ(tw_num_outputs(model_), 1u);
  tw_tensor_info info;
  ASSERT_EQ(tw_input_info(model_, 0, &info), TW_OK);
  EXPECT_STREQ(info.name, "x");
  EXPECT_STREQ(info.dtype, "float32");
  ASSERT_EQ(info.rank, 2u);
  EXPECT_EQ(info.shape[1], kTinySize / 10);
  EXPECT_EQ(info.bytes, 4u * kTinySize);
  ASSERT_EQ(tw_output_info(model_, 0, &info), TW_OK);
  EXPECT_STREQ(info.name, "y");
  EXPECT_EQ(tw_weight_bytes(model_), TinyParams().size());
  EXPECT_EQ(tw_arena_bytes(model_), 64u + 4 * kTinySize);
}

TEST_P(CApiTest, DescribesTheCalls) {
  tw_call_info call;
  ASSERT_EQ(tw_get_call(model_, 1, &call), TW_OK);
  EXPECT_STREQ(call.label, "bias");
  EXPECT_STREQ(call.schedule, "plain");
  EXPECT_EQ(call.flops, 20);
  EXPECT_EQ(tw_get_call(model_, 2, &call), TW_NOT_FOUND);
  EXPECT_EQ(tw_get_call(model_, 0, nullptr), TW_INVALID_ARGUMENT);
}

TEST_P(CApiTest, ProfilesTheNextRunOnly) {
  double seconds[2] = {-1, -1};
  const char* labels[2];
  ASSERT_EQ(tw_profile(model_, nullptr, nullptr, 0), 2u);
  ASSERT_EQ(tw_profile(model_, seconds, labels, 2), 2u);
  ASSERT_EQ(tw_run(model_), TW_OK);
  EXPECT_STREQ(labels[0], "double");
  EXPECT_STREQ(labels[1], "bias");
  EXPECT_GE(seconds[0], 0);
  EXPECT_GE(seconds[1], 0);
  seconds[0] = -1;
  ASSERT_EQ(tw_run(model_), TW_OK);
  EXPECT_EQ(seconds[0], -1);
}

TEST_P(CApiTest, ExplainsWrongArguments) {
  float value = 0;
  tw_tensor_info info;
  const void* data = nullptr;
  EXPECT_EQ(tw_set_input(model_, "z", &value, 4), TW_NOT_FOUND);
  EXPECT_THAT(tw_last_error(), HasSubstr("no input is named z; the inputs are x"));
  EXPECT_EQ(tw_set_input(model_, "x", &value, 4), TW_INVALID_ARGUMENT);
  EXPECT_THAT(tw_last_error(), HasSubstr("4000 bytes, not 4"));
  EXPECT_EQ(tw_set_input(model_, nullptr, &value, 4), TW_INVALID_ARGUMENT);
  EXPECT_EQ(tw_input_info(model_, 1, &info), TW_NOT_FOUND);
  EXPECT_EQ(tw_input_info(model_, 0, nullptr), TW_INVALID_ARGUMENT);
  EXPECT_EQ(tw_get_output(model_, 1, &data), TW_NOT_FOUND);
  EXPECT_EQ(tw_run(nullptr), TW_INVALID_ARGUMENT);
  EXPECT_STRNE(tw_last_error(), "");
}

TEST(CApi, KeepsErrorsApartPerThread) {
  EXPECT_EQ(tw_run(nullptr), TW_INVALID_ARGUMENT);
  std::thread([] { EXPECT_STREQ(tw_last_error(), ""); }).join();
}

TEST(CApi, TellsWhyALoadFailed) {
  tw_model* model = nullptr;
  EXPECT_EQ(tw_load("/nonexistent/p.tar", 1, &model), TW_NOT_FOUND);
  EXPECT_THAT(tw_last_error(), HasSubstr("/nonexistent/p.tar: No such file"));
  EXPECT_EQ(tw_load("/", 1, &model), TW_BAD_PACKAGE);
  EXPECT_EQ(tw_load(nullptr, 1, &model), TW_INVALID_ARGUMENT);
  const TemporaryFile empty("");
  EXPECT_EQ(tw_load(empty.path().c_str(), 1, &model), TW_BAD_PACKAGE);
  EXPECT_THAT(tw_last_error(), HasSubstr("is empty"));
  EXPECT_EQ(tw_load(empty.path().c_str(), -1, &model), TW_INVALID_ARGUMENT);
  EXPECT_EQ(model, nullptr);
}

TEST(CApi, NamesAKernelThatIsMissing) {
  ExecutionPlan plan = TinyPlan();
  plan.calls[1].kernel = "subtract";
  const TemporaryFile file(WritePackage(TinyManifest(), {plan}, TinyParams(), TinyKernels()));
  tw_model* model = nullptr;
  EXPECT_EQ(tw_load(file.path().c_str(), 1, &model), TW_BAD_PACKAGE);
  EXPECT_THAT(tw_last_error(), HasSubstr("no kernel subtract"));
}

TEST(CApi, HoldsTwoModelsApart) {
  const TemporaryFile file(TinyPackage());
  ExecutionPlan swapped = TinyPlan();
  std::string params = TinyParams();
  params.replace(128, params.size() - 128, params.size() - 128, '\0');
  const TemporaryFile other(WritePackage(TinyManifest(), {swapped}, params, TinyKernels()));
  tw_model *first = nullptr, *second = nullptr;
  ASSERT_EQ(tw_load(file.path().c_str(), 2, &first), TW_OK);
  ASSERT_EQ(tw_load(other.path().c_str(), 2, &second), TW_OK);
  ExpectTinyResult(first, 1);
  ASSERT_EQ(tw_run(second), TW_OK);
  const void* data = nullptr;
  ASSERT_EQ(tw_get_output(second, 0, &data), TW_OK);
  EXPECT_EQ(static_cast<const float*>(data)[7], 0);
  tw_free(first);
  tw_free(second);
  tw_free(nullptr);
}

class ThreadCountVariable : public testing::Test {
 protected:
  ~ThreadCountVariable() override { unsetenv("TILEWRIGHT_NUM_THREADS"); }
  tw_status Load(const char* threads) {
    setenv("TILEWRIGHT_NUM_THREADS", threads, 1);
    tw_model* model = nullptr;
    const TemporaryFile file(TinyPackage());
    const tw_status status = tw_load(file.path().c_str(), 0, &model);
    tw_free(model);
    return status;
  }
};

TEST_F(ThreadCountVariable, IsReadWhenNoCountIsGiven) {
  EXPECT_EQ(Load("3"), TW_OK);
  EXPECT_EQ(Load(""), TW_OK);
}

TEST_F(ThreadCountVariable, IsRefusedWhenItIsNoCount) {
  for (const char* text : {"0", "-1", "two", "4x", "99999999999999999999"}) {
    EXPECT_EQ(Load(text), TW_INVALID_ARGUMENT) << text;
    EXPECT_THAT(tw_last_error(), HasSubstr("TILEWRIGHT_NUM_THREADS"));
  }
}

}  // namespace
}  // namespace tilewright
