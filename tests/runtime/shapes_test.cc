// Packages with several shapes of one model: which of them runs, and what padding leaves visible.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "nlohmann/json.hpp"
#include "runtime/choose_plan.h"
#include "runtime/copy_box.h"
#include "runtime/error.h"
#include "runtime/include/tilewright.hpp"
#include "runtime/read_package.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kColumns = kTinySize / 10;

std::vector<float> Ramp(int64_t rows, int64_t columns) {
  std::vector<float> x(static_cast<size_t>(rows * columns));
  std::iota(x.begin(), x.end(), 1.0f);
  return x;
}

// y = 2 x + w for x of rows x columns, where w counts the elements of full rows.
void ExpectRun(tw::Model& model, int64_t rows, int64_t columns) {
  model.Bind({{"x", {rows, columns}}});
  EXPECT_THAT(model.Inputs()[0].shape, ElementsAre(rows, columns));
  ASSERT_THAT(model.Outputs()[0].shape, ElementsAre(rows, columns));
  const std::vector<float> x = Ramp(rows, columns);
  model.SetInput("x", x.data(), x.size());
  model.Run();
  const float* y = model.Output<float>(0);
  for (int64_t i = 0; i < rows * columns; ++i) {
    const auto w = static_cast<float>(i / columns * kColumns + i % columns);
    ASSERT_EQ(y[i], 2 * x[static_cast<size_t>(i)] + w) << rows << " rows, element " << i;
  }
}

TEST(Shapes, ExactOnesAndSmallerBatchesGiveTheirOwnRows) {
  const TemporaryFile file(TinyShapesPackage());
  tw::Model model(file.path(), {"cpu", 2});
  EXPECT_EQ(model.Bindings(), 3u);
  for (const int64_t rows : {10, 1, 4, 3, 7, 2, 10, 9}) ExpectRun(model, rows, kColumns);
}

TEST(Shapes, TheNextLargerPlanIsTaken) {
  const auto chosen = [](int64_t rows) {
    return runtime::ChoosePlan(TinyPlans(), {{"x", {rows, kColumns}}}).index;
  };
  EXPECT_EQ(chosen(1), 0u);
  EXPECT_EQ(chosen(2), 0u);
  EXPECT_EQ(chosen(3), 2u);
  EXPECT_EQ(chosen(4), 2u);
  EXPECT_EQ(chosen(5), 1u);
  EXPECT_EQ(chosen(10), 1u);
}

TEST(Shapes, SamplesMayLieAlongAnyAxis) {
  std::vector<ExecutionPlan> plans = TinyPlans();
  for (ExecutionPlan& plan : plans) plan.padding = {{.inputs = {1}, .outputs = {1}}};
  const TemporaryFile file(WritePackage(TinyManifest(), plans, TinyParams(), TinyKernels()));
  tw::Model model(file.path(), {"cpu", 1});
  ExpectRun(model, 4, 37);
  ExpectRun(model, 10, 1);
}

TEST(Shapes, SelectingGivesAPlansOwnShapes) {
  const TemporaryFile file(TinyShapesPackage());
  tw::Model model(file.path());
  EXPECT_THAT(model.Inputs()[0].shape, ElementsAre(2, kColumns));
  model.Bind({{"x", {3, kColumns}}});
  model.SelectBinding(1);
  EXPECT_THAT(model.Outputs()[0].shape, ElementsAre(10, kColumns));
  EXPECT_THROW(model.SelectBinding(3), tw::Error);
}

std::string Refusal(tw::Model& model, const std::vector<tw::InputShape>& shapes) {
  try {
    model.Bind(shapes);
  } catch (const tw::Error& error) {
    EXPECT_EQ(error.code(), TW_INVALID_ARGUMENT);
    return error.what();
  }
  ADD_FAILURE() << "bound";
  return "";
}

TEST(Shapes, ARefusalSaysWhichThereAreAndWhatCannotBePadded) {
  const TemporaryFile file(TinyShapesPackage());
  tw::Model model(file.path());
  EXPECT_EQ(Refusal(model, {{"x", {4, 99}}}),
            "the package has no shapes for x:4,99; it has x:2,100; x:10,100; x:4,100; dimension 1 "
            "of input x cannot be padded: a test says so");
  EXPECT_THAT(Refusal(model, {{"x", {11, kColumns}}}), HasSubstr("no shapes for x:11,100"));
  EXPECT_THAT(Refusal(model, {{"x", {0, kColumns}}}), HasSubstr("no shapes for x:0,100"));
  EXPECT_THAT(Refusal(model, {{"x", {kColumns}}}), HasSubstr("no shapes for x:100"));
  EXPECT_THAT(Refusal(model, {}), HasSubstr("the inputs are x"));
  EXPECT_THAT(Refusal(model, {{"x", {2, kColumns}}, {"z", {1}}}), HasSubstr("no other"));
  EXPECT_THAT(model.Inputs()[0].shape, ElementsAre(2, kColumns));  // what was, stays
}

TEST(Shapes, APackageOfOneShapeBindsItAlone) {
  const TemporaryFile file(TinyPackage());
  tw::Model model(file.path());
  EXPECT_EQ(model.Bindings(), 1u);
  model.Bind({{"x", {10, kColumns}}});
  EXPECT_THAT(Refusal(model, {{"x", {9, kColumns}}}), HasSubstr("it has x:10,100"));
}

TEST(Shapes, OnlySeveralNeedTheNewFormat) {
  const auto version = [](const std::string& package) {
    const size_t at = package.find("\"version\":");
    return package.substr(at + 10, 1);
  };
  EXPECT_EQ(version(TinyPackage()), "1");
  EXPECT_EQ(version(TinyShapesPackage()), "3");
}

TEST(Shapes, PlansThatDoNotBelongTogetherAreRefused) {
  struct Bad {
    const char* what;
    std::function<void(std::vector<ExecutionPlan>&)> change;
  };
  const std::vector<Bad> all = {
      {"another name", [](auto& p) { p[1].tensors[0].name = "z"; }},
      {"another rank", [](auto& p) { p[1].tensors[3].shape = {kTinySize}; }},
      {"an axis too many", [](auto& p) { p[2].padding[0].inputs = {0, 0}; }},
      {"no such axis", [](auto& p) { p[2].padding[0].inputs = {2}; }},
      {"a negative axis", [](auto& p) { p[2].padding[0].outputs = {-2}; }},
      {"no input", [](auto& p) { p[2].padding[0].inputs = {-1}; }},
      {"an output of other extent", [](auto& p) { p[2].tensors[3].shape = {3, 100}; }},
      {"too many", [](auto& p) { p.resize(257, p[0]); }}};
  for (const Bad& bad : all) {
    std::vector<ExecutionPlan> plans = TinyPlans();
    bad.change(plans);
    const std::string package = PackageWithPlan(ToJson(plans));
    EXPECT_THROW(runtime::ReadPackage(package, {}), runtime::Error) << bad.what;
  }
  EXPECT_THROW(runtime::ReadPackage(PackageWithPlan("{\"plans\":[]}"), {}), runtime::Error);
}

TEST(CopyBox, CopiesWhatIsInBothShapes) {
  const std::vector<int64_t> wide = {2, 3, 2}, narrow = {2, 2, 2};
  std::vector<char> from(12), to(8);
  std::iota(from.begin(), from.end(), 0);
  runtime::CopyBox({from.data(), wide}, {to.data(), narrow}, 1);
  EXPECT_THAT(to, ElementsAre(0, 1, 2, 3, 6, 7, 8, 9));
  std::vector<char> back(12, -1);
  runtime::CopyBox({to.data(), narrow}, {back.data(), wide}, 1);
  EXPECT_THAT(back, ElementsAre(0, 1, 2, 3, -1, -1, 6, 7, 8, 9, -1, -1));
  runtime::CopyBox({from.data(), wide}, {from.data(), narrow}, 1);  // in place
  EXPECT_THAT(std::vector<char>(from.begin(), from.begin() + 8),
              ElementsAre(0, 1, 2, 3, 6, 7, 8, 9));
}

}  // namespace
}  // namespace tilewright
