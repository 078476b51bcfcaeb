// MaxRoiPool against its definition, bin by bin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kRoiSeed = 20261128;

struct RoiPooling {
  std::vector<int64_t> bins;
  float scale = 1;
};

ModelBuilder RoiPool(const Shape& x, int64_t regions, const RoiPooling& pooling,
                     onnx::TensorProto::DataType type = onnx::TensorProto::FLOAT) {
  ModelBuilder m(11);
  m.Input("x", x, type);
  m.Input("rois", {regions, 5}, type);
  onnx::NodeProto& node = m.Node("MaxRoiPool", {"x", "rois"}, {"y"});
  SetInts(node, "pooled_shape", pooling.bins);
  SetFloat(node, "spatial_scale", pooling.scale);
  m.Output("y");
  return m;
}

// Bins between two edges of an input of `size` elements.
struct Bins {
  double low, high;
  int64_t bins, size;
};

// Where bin `i` begins and ends.
std::pair<int64_t, int64_t> BinOf(const Bins& of, int64_t i) {
  const auto [low, high, bins, size] = of;
  const auto first = std::lround(low), last = std::lround(high);
  const float step = static_cast<float>(std::max<int64_t>(last - first + 1, 1)) / float(bins);
  const auto begin = static_cast<int64_t>(std::floor(float(i) * step)) + first;
  const auto end = static_cast<int64_t>(std::ceil(float(i + 1) * step)) + first;
  return {std::clamp<int64_t>(begin, 0, size), std::clamp<int64_t>(end, 0, size)};
}

double LargestOf(const Tensor& x, int64_t plane, std::pair<int64_t, int64_t> rows,
                 std::pair<int64_t, int64_t> columns) {
  double largest = -INFINITY;
  for (int64_t i = rows.first; i < rows.second; ++i)
    for (int64_t j = columns.first; j < columns.second; ++j)
      largest = std::max(largest, x.AsDouble((plane * x.shape()[2] + i) * x.shape()[3] + j));
  return std::isinf(largest) ? 0 : largest;
}

TEST(MaxRoiPool, TakesTheLargestOfEachBinOfEachRegion) {
  SCOPED_TRACE(kRoiSeed);
  Rng rng(kRoiSeed);
  constexpr int64_t kRegions = 9;
  Tensor x({DType::kF32, {2, 3, 11, 7}}), rois({DType::kF32, {kRegions, 5}});
  for (int64_t i = 0; i < x.size(); ++i) x.Set(i, rng.Uniform(-1, 1));
  for (int64_t r = 0; r < kRegions; ++r) {
    rois.Set(r * 5, static_cast<double>(r % 2));
    for (int64_t k = 1; k < 5; ++k) rois.Set(r * 5 + k, rng.Uniform(-8, 30));
  }
  const auto y = RunBoth(RoiPool(x.shape(), kRegions, {{4, 3}, 0.5f}), {{"x", x}, {"rois", rois}});
  ASSERT_EQ(y.size(), 1u);
  ASSERT_EQ(y[0].shape(), (Shape{kRegions, 3, 4, 3}));
  int64_t next = 0;
  for (int64_t r = 0; r < kRegions; ++r)
    for (int64_t c = 0; c < 3; ++c)
      for (int64_t i = 0; i < 4; ++i)
        for (int64_t j = 0; j < 3; ++j) {
          const auto edge = [&](int64_t k) { return rois.AsDouble(r * 5 + k) * 0.5; };
          EXPECT_EQ(y[0].AsDouble(next++),
                    LargestOf(x, r % 2 * 3 + c, BinOf({edge(2), edge(4), 4, 11}, i),
                              BinOf({edge(1), edge(3), 3, 7}, j)))
              << r << " " << c << " " << i << " " << j;
        }
}

TEST(MaxRoiPool, IsDoneInEveryTypeOfFloats) {
  for (const auto& [type, dtype] : {std::pair{onnx::TensorProto::FLOAT16, DType::kF16},
                                    {onnx::TensorProto::BFLOAT16, DType::kBF16},
                                    {onnx::TensorProto::DOUBLE, DType::kF64}}) {
    Tensor x({dtype, {1, 1, 2, 2}}), rois({dtype, {1, 5}});
    for (int64_t i = 0; i < 4; ++i) x.Set(i, static_cast<double>(i));
    for (int64_t k = 3; k < 5; ++k) rois.Set(k, 1);
    const auto y = RunBoth(RoiPool({1, 1, 2, 2}, 1, {{1, 2}}, type), {{"x", x}, {"rois", rois}});
    ASSERT_EQ(y.size(), 1u);
    EXPECT_THAT(Values(y[0]), ElementsAre(2, 3));
  }
}

TEST(MaxRoiPool, RegionsThatAreNoneAreNamed) {
  EXPECT_THAT(Refusal(RoiPool({1, 1, 4, 4}, 1, {{2}})), HasSubstr("pooled_shape is not two sizes"));
  EXPECT_THAT(Refusal(RoiPool({1, 1, 4, 4}, 1, {{0, 2}})), HasSubstr("pooled_shape"));
  ModelBuilder m = RoiPool({1, 1, 4, 4}, 1, {{2, 2}});
  m.graph()
      .mutable_input(1)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(4);
  EXPECT_THAT(Refusal(m), HasSubstr("rois"));
}

}  // namespace
}  // namespace tilewright
