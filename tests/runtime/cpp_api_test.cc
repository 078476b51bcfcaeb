// The C++ header over the C one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <utility>

#include "runtime/include/tilewright.hpp"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CppApi, RunsAModelThatWasMoved) {
  const TemporaryFile file(TinyPackage());
  tw::Model first(file.path(), {"cpu", 1});
  tw::Model model = std::move(first);
  std::vector<float> x(kTinySize);
  std::iota(x.begin(), x.end(), 0.0f);
  model.SetInput("x", x.data(), x.size());
  model.Run();
  const float* y = model.Output<float>(0);
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], 3 * x[i]) << i;
}

TEST(CppApi, DescribesInputsAndOutputs) {
  const TemporaryFile file(TinyPackage());
  const tw::Model model(file.path());
  ASSERT_EQ(model.Inputs().size(), 1u);
  EXPECT_EQ(model.Inputs()[0].name, "x");
  EXPECT_EQ(model.Inputs()[0].dtype, "float32");
  EXPECT_THAT(model.Inputs()[0].shape, ElementsAre(10, kTinySize / 10));
  EXPECT_EQ(model.Inputs()[0].bytes, 4u * kTinySize);
  ASSERT_EQ(model.Outputs().size(), 1u);
  EXPECT_EQ(model.Outputs()[0].name, "y");
  EXPECT_EQ(model.WeightBytes(), TinyParams().size());
  EXPECT_GT(model.ArenaBytes(), 0u);
}

TEST(CppApi, ThrowsWithTheCodeAndTheReason) {
  try {
    tw::Model model("/nonexistent/model.tar");
    FAIL() << "a missing file was loaded";
  } catch (const tw::Error& error) {
    EXPECT_EQ(error.code(), TW_NOT_FOUND);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/model.tar"));
  }
  const TemporaryFile file(TinyPackage());
  tw::Model model(file.path());
  const float one = 1;
  EXPECT_THROW(model.SetInput("x", &one, 1), tw::Error);
}

}  // namespace
}  // namespace tilewright
