// CausalConvWithState: a sequence in two calls gives what it gives in one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

// Of [1, 2, length] and three taps a channel.
ModelBuilder ConvModel(int64_t length, bool with_past, const std::string& activation = "none") {
  ModelBuilder m(27);
  m.Input("x", {1, 2, length});
  m.Input("w", {2, 1, 3});
  m.Input("b", {2});
  if (with_past) m.Input("past", {1, 2, 2});
  onnx::NodeProto& node =
      m.Node("CausalConvWithState", {"x", "w", "b", with_past ? "past" : ""}, {"y", "state"});
  SetString(node, "activation", activation);
  m.Output("y");
  m.Output("state");
  return m;
}

const Tensor kTaps = Floats({2, 1, 3}, {1, 10, 100, 2, 0, 1}), kBias = Floats({2}, {0, 1000});

TEST(CausalConvWithState, TwoCallsOverTheStateGiveWhatOneGives) {
  const auto whole =
      RunBoth(ConvModel(3, false),
              {{"x", Floats({1, 2, 3}, {1, 2, 3, 4, 5, 6})}, {"w", kTaps}, {"b", kBias}});
  ASSERT_EQ(whole.size(), 2u);
  EXPECT_THAT(Values(whole[0]), ElementsAre(100, 210, 321, 1004, 1005, 1014));
  const auto first =
      RunBoth(ConvModel(1, false), {{"x", Floats({1, 2, 1}, {1, 4})}, {"w", kTaps}, {"b", kBias}});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_THAT(Values(first[1]), ElementsAre(0, 1, 0, 4));
  const auto rest = RunBoth(
      ConvModel(2, true),
      {{"x", Floats({1, 2, 2}, {2, 3, 5, 6})}, {"w", kTaps}, {"b", kBias}, {"past", first[1]}});
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_THAT(Values(rest[0]), ElementsAre(210, 321, 1005, 1014));
  EXPECT_THAT(Values(rest[1]), ElementsAreArray(Values(whole[1])));
}

TEST(CausalConvWithState, AnUnknownActivationIsRefusedByItsName) {
  const auto graph = ImportOnnx(ConvModel(3, false, "relu").Bytes(), {});
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(std::string(graph.status().message()),
              HasSubstr("unknown activation \"relu\" (none, silu or swish)"));
}

}  // namespace
}  // namespace tilewright
