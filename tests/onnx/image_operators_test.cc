// DeformConv, Col2Im, CenterCropPad and TensorScatter against their definitions, element by
// element.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 20261127;

Tensor Uniform(Rng& rng, const Shape& shape, double scale = 1) {
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, rng.Uniform(-scale, scale));
  return tensor;
}

Tensor Counting(const Shape& shape, int64_t from = 1) {
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, static_cast<double>(from + i));
  return tensor;
}

double At(const Tensor& t, const Shape& index) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d) offset = offset * t.shape()[d] + index[d];
  return t.AsDouble(offset);
}

// ---- DeformConv ----

struct SamplePlace {
  int64_t n, c;
  double row, column;
};

double Sample(const Tensor& x, const SamplePlace& at) {
  const auto [n, c, row, column] = at;
  const auto i = static_cast<int64_t>(std::floor(row)),
             j = static_cast<int64_t>(std::floor(column));
  const double down = row - static_cast<double>(i), right = column - static_cast<double>(j);
  double sum = 0;
  for (int64_t di = 0; di < 2; ++di) {
    for (int64_t dj = 0; dj < 2; ++dj) {
      if (i + di < 0 || i + di >= x.shape()[2] || j + dj < 0 || j + dj >= x.shape()[3]) continue;
      const double weight = (di == 1 ? down : 1 - down) * (dj == 1 ? right : 1 - right);
      sum += weight * At(x, {n, c, i + di, j + dj});
    }
  }
  return sum;
}

TEST(DeformConv, SamplesEachTapWhereItsOffsetSays) {
  SCOPED_TRACE(kSeed);
  Rng rng(kSeed);
  constexpr int64_t kGroups = 2, kOffsetGroups = 2, kPad = 1, kStride = 2;
  ModelBuilder m(19);
  const Tensors inputs = {{"x", Uniform(rng, {2, 4, 6, 7})},
                          {"w", Uniform(rng, {6, 2, 3, 2})},
                          {"offset", Uniform(rng, {2, kOffsetGroups * 12, 3, 4}, 3)},
                          {"bias", Uniform(rng, {6})},
                          {"mask", Uniform(rng, {2, kOffsetGroups * 6, 3, 4})}};
  for (const auto& [name, tensor] : inputs) m.Input(name, tensor.shape());
  onnx::NodeProto& node = m.Node("DeformConv", {"x", "w", "offset", "bias", "mask"}, {"y"});
  SetInts(node, "pads", {kPad, kPad, kPad, kPad});
  SetInts(node, "strides", {kStride, kStride});
  SetInt(node, "group", kGroups);
  SetInt(node, "offset_group", kOffsetGroups);
  m.Output("y");
  const auto outputs = RunBoth(m, inputs, 1e-5);
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(outputs[0].shape(), (Shape{2, 6, 3, 4}));
  const Tensor &x = inputs.at("x"), &w = inputs.at("w"), &offset = inputs.at("offset");
  int64_t next = 0;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 6; ++o)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 4; ++j) {
          double sum = inputs.at("bias").AsDouble(o);
          for (int64_t c = 0; c < 2; ++c)
            for (int64_t k = 0; k < 6; ++k) {
              const int64_t channel = o / 3 * 2 + c, place = channel / 2 * 6 + k;
              const double row = static_cast<double>(i * kStride - kPad + k / 2) +
                                 At(offset, {n, place * 2, i, j});
              const double column = static_cast<double>(j * kStride - kPad + k % 2) +
                                    At(offset, {n, place * 2 + 1, i, j});
              sum += Sample(x, {n, channel, row, column}) * At(w, {o, c, k / 2, k % 2}) *
                     At(inputs.at("mask"), {n, place, i, j});
            }
          ASSERT_NEAR(outputs[0].AsDouble(next++), sum, 1e-4) << n << o << i << j;
        }
}

TEST(DeformConv, OffsetsThatDoNotFitAreNamed) {
  ModelBuilder m(19);
  m.Input("x", {1, 2, 5, 5});
  m.Input("w", {3, 2, 3, 3});
  m.Input("offset", {1, 9, 3, 3});
  m.Node("DeformConv", {"x", "w", "offset"}, {"y"});
  m.Output("y");
  EXPECT_THAT(Refusal(m), HasSubstr("offset"));
}

// ---- Col2Im ----

TEST(Col2Im, SumsBlocksThatOverlap) {
  SCOPED_TRACE(kSeed);
  Rng rng(kSeed);
  // 5 x 6, padded by 1 above and 2 on the right, in 2 x 3 blocks, rows dilated by 2, columns by a
  // stride of 2: 4 x 3 blocks.
  const Tensor x = Uniform(rng, {2, 3 * 6, 12});
  ModelBuilder m(18);
  m.Input("x", x.shape());
  m.Ints("image", {5, 6});
  m.Ints("block", {2, 3});
  onnx::NodeProto& node = m.Node("Col2Im", {"x", "image", "block"}, {"y"});
  SetInts(node, "pads", {1, 0, 0, 2});
  SetInts(node, "strides", {1, 2});
  SetInts(node, "dilations", {2, 1});
  m.Output("y");
  std::vector<double> expected(2 * 3 * 5 * 6, 0);
  for (int64_t nc = 0; nc < 6; ++nc)
    for (int64_t k = 0; k < 6; ++k)
      for (int64_t block = 0; block < 12; ++block) {
        const int64_t row = block / 3 + k / 3 * 2 - 1, column = block % 3 * 2 + k % 3;
        if (row < 0 || row >= 5 || column >= 6) continue;
        expected[(nc * 5 + row) * 6 + column] += x.AsDouble((nc * 6 + k) * 12 + block);
      }
  const auto outputs = RunBoth(m, {{"x", x}}, 1e-6);
  ASSERT_EQ(outputs.size(), 1u);
  ASSERT_EQ(outputs[0].shape(), (Shape{2, 3, 5, 6}));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(outputs[0].AsDouble(static_cast<int64_t>(i)), expected[i], 1e-5) << i;
  }
}

TEST(Col2Im, ColumnsThatDoNotFitAreNamed) {
  ModelBuilder m(18);
  m.Input("x", {1, 8, 10});
  m.Ints("image", {4, 4});
  m.Ints("block", {2, 2});
  m.Node("Col2Im", {"x", "image", "block"}, {"y"});
  m.Output("y");
  EXPECT_THAT(Refusal(m), HasSubstr("9 columns fit"));
}

// ---- CenterCropPad ----

TEST(CenterCropPad, TakesTheMiddleOrPutsIntoIt) {
  ModelBuilder m(18);
  m.Input("x", {4, 3});
  m.Ints("shape", {6, 1});
  SetInts(m.Node("CenterCropPad", {"x", "shape"}, {"y"}), "axes", {-1, 0});
  m.Output("y");
  const auto outputs = RunBoth(m, {{"x", Counting({4, 3})}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].shape(), (Shape{1, 6}));
  EXPECT_EQ(Values(outputs[0]), (std::vector<double>{0, 4, 5, 6, 0, 0}));
}

// ---- TensorScatter ----

TEST(TensorScatter, WritesFromEachSamplesIndexOn) {
  for (const bool circular : {false, true}) {
    ModelBuilder m(24);
    m.Input("past", {2, 4, 1});
    m.Input("update", {2, 2, 1});
    m.Ints("at", {1, circular ? 3 : 2});
    onnx::NodeProto& node = m.Node("TensorScatter", {"past", "update", "at"}, {"y"});
    if (circular) SetString(node, "mode", "circular");
    m.Output("y");
    const auto outputs =
        RunBoth(m, {{"past", Counting({2, 4, 1})}, {"update", Counting({2, 2, 1}, 20)}});
    ASSERT_EQ(outputs.size(), 1u);
    const std::vector<double> linear = {1, 20, 21, 4, 5, 6, 22, 23};
    const std::vector<double> wrapped = {1, 20, 21, 4, 23, 6, 7, 22};
    EXPECT_EQ(Values(outputs[0]), circular ? wrapped : linear);
  }
}

}  // namespace
}  // namespace tilewright
