// Which graphs keep the samples of a batch apart.
#include "compiler/graph/samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;
using testing::ElementsAre;
using testing::HasSubstr;

// A network of `batch` samples along the first axis of its only input.
using Build = std::function<Graph(int64_t batch)>;

// Whether a run of three samples may be padded to four; the output's axes, or why not.
absl::StatusOr<std::vector<int>> Padding(const Build& build, int axis = 0) {
  const auto four = SeparateSamples(build(4), {axis});
  if (!four.ok()) return four.status();
  const auto five = SeparateSamples(build(5), {axis});
  if (!five.ok()) return five.status();
  const absl::Status same = SameOfEverySample(*four, *five);
  if (!same.ok()) return same;
  return four->output_axes;
}

void ExpectPadding(const Build& build, const std::vector<int>& axes, int axis = 0) {
  const auto padding = Padding(build, axis);
  ASSERT_TRUE(padding.ok()) << padding.status();
  EXPECT_EQ(*padding, axes);
}

void ExpectNone(const Build& build, const std::string& why) {
  const auto padding = Padding(build);
  ASSERT_FALSE(padding.ok());
  EXPECT_EQ(padding.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(padding.status().message()), HasSubstr(why));
}

TEST(Samples, AConvolutionalNetworkKeepsThemApart) {
  ExpectPadding(
      [](int64_t batch) {
        GraphBuilder b;
        ValueId x = b.Relu(b.BatchNorm(b.Conv("conv", b.Input("x", {batch, 3, 8, 8}),
                                              {.channels = 16, .kernel = 3, .pad = 1})));
        x = b.Reshape(b.GlobalAveragePool(b.MaxPool(b.Pad(x, 1), 2, 2)), {batch, 16});
        return b.Finish({b.Bias(b.Dense("dense", x, 10))});
      },
      {0});
}

TEST(Samples, TheyAreFollowedThroughReshapesAndTransposes) {
  ExpectPadding(
      [](int64_t batch) {
        GraphBuilder b;
        const ValueId rows = b.Reshape(b.Input("x", {batch, 6, 8}), {batch * 6, 8});
        const ValueId heads = b.Reshape(b.Dense("dense", rows, 8), {batch, 6, 2, 4});
        const ValueId turned = b.Transpose(heads, {0, 2, 1, 3});
        return b.Finish(
            {b.ReduceLast("max", Reducer::kMax, turned), rows, b.Transpose(turned, {3, 0, 1, 2})});
      },
      {0, 0, 1});
}

TEST(Samples, TheyMayLieAlongAnInnerAxis) {
  ExpectPadding(
      [](int64_t batch) {
        GraphBuilder b;
        return b.Finish({b.ReduceLast("sum", Reducer::kSum, b.Input("x", {6, batch, 8}))});
      },
      {1}, 1);
}

TEST(Samples, AReductionOverThemMixes) {
  ExpectNone(
      [](int64_t batch) {
        GraphBuilder b;
        const ValueId turned = b.Transpose(b.Input("x", {batch, 3}), {1, 0});
        return b.Finish({b.ReduceLast("sum", Reducer::kSum, turned)});
      },
      "(sum) may mix");
}

TEST(Samples, AReshapeThatCutsAcrossThemMixes) {
  ExpectNone(
      [](int64_t batch) {
        GraphBuilder b;
        return b.Finish({b.Reshape(b.Input("x", {batch, 6}), {2, batch * 3})});
      },
      "may mix");
}

TEST(Samples, AnotherSamplesElementMixes) {
  ExpectNone(
      [](int64_t batch) {
        GraphBuilder b;
        const ValueId x = b.Input("x", {batch, 6});
        return b.Finish({b.Map("flip", {x}, {batch, 6}, [&](const auto& axes, const auto& in) {
          return Load(in[0], {Int(batch - 1) - axes[0], axes[1]});
        })});
      },
      "(flip) may mix");
}

TEST(Samples, AConstantThatFollowsTheirNumberIsNamed) {
  ExpectNone(
      [](int64_t batch) {
        GraphBuilder b;
        const ValueId scale = b.Scalar("one_over_batch", 1.0 / static_cast<double>(batch));
        return b.Finish({b.Binary("mul", b.Input("x", {batch, 6}), scale,
                                  [](Expr x, Expr y) { return x * y; })});
      },
      "constant one_over_batch depends on its extent");
}

TEST(Samples, ALiteralThatFollowsTheirNumberIsNamed) {
  ExpectNone(
      [](int64_t batch) {
        GraphBuilder b;
        return b.Finish({b.Unary("scale", b.Input("x", {batch, 6}),
                                 [&](Expr x) { return x * Float(static_cast<double>(batch)); })});
      },
      "depends on its extent");
}

TEST(Samples, AConstantThatIsTheSameForEachMayHaveOneForEach) {
  const auto with = [](bool equal) {
    return [equal](int64_t batch) {
      GraphBuilder b;
      const ValueId each = b.Constant("each", {batch, 6});
      Tensor& tensor = b.graph().values[each].constant;
      for (int64_t i = 0; i < tensor.size(); ++i) {
        tensor.Set(i, static_cast<double>(equal ? i % 6 : i));
      }
      return b.Finish({b.Add(b.Input("x", {batch, 6}), each)});
    };
  };
  ExpectPadding(with(true), {0});
  ExpectNone(with(false), "constant each");
}

TEST(Samples, AnOutputWithoutThemHasNoAxis) {
  ExpectPadding(
      [](int64_t batch) {
        GraphBuilder b;
        const ValueId x = b.Input("x", {batch, 6});
        return b.Finish({b.Relu(b.Constant("c", {3})), b.Relu(x)});
      },
      {-1, 0});
}

}  // namespace
}  // namespace tilewright
