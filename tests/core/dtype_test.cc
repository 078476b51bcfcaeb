#include "compiler/core/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "compiler/core/tensor.h"

namespace tilewright {
namespace {

constexpr DType kAll[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI64,
                          DType::kI32, DType::kI16, DType::kI8,  DType::kU64,  DType::kU32,
                          DType::kU16, DType::kU8,  DType::kBool};

TEST(DTypes, AreReadBackByTheirNames) {
  for (DType dtype : kAll) EXPECT_EQ(ParseDType(NameOf(dtype)), dtype) << NameOf(dtype);
  EXPECT_EQ(NameOf(DType::kBF16), "bfloat16");
  EXPECT_EQ(ParseDType("float8"), std::nullopt);
}

TEST(DTypes, HaveTheSizesAndLimitsOfTheirNames) {
  EXPECT_EQ(SizeOf(DType::kF16), 2u);
  EXPECT_EQ(SizeOf(DType::kU64), 8u);
  EXPECT_EQ(SizeOf(DType::kBool), 1u);
  EXPECT_EQ(LimitsOf(DType::kI16).lowest, -32768);
  EXPECT_EQ(LimitsOf(DType::kU32).highest, 4294967295u);
  EXPECT_EQ(LimitsOf(DType::kU64).highest, ~uint64_t{0});
  EXPECT_TRUE(IsUnsigned(DType::kBool));
  EXPECT_FALSE(IsUnsigned(DType::kF16));
  EXPECT_FALSE(IsInteger(DType::kBool));
}

TEST(DTypes, AccumulateInWhatHoldsSums) {
  EXPECT_EQ(AccumulatorOf(DType::kF16), DType::kF32);
  EXPECT_EQ(AccumulatorOf(DType::kBF16), DType::kF32);
  EXPECT_EQ(AccumulatorOf(DType::kU8), DType::kI32);
  EXPECT_EQ(AccumulatorOf(DType::kI16), DType::kI32);
  for (DType same : {DType::kF32, DType::kF64, DType::kI32, DType::kI64, DType::kU32}) {
    EXPECT_EQ(AccumulatorOf(same), same) << NameOf(same);
  }
}

// The finite values of a 16-bit float that are not negative, by their definition.
std::vector<double> Magnitudes(int mantissa_bits, int bias) {
  std::vector<double> values;
  const int exponents = (1 << (15 - mantissa_bits)) - 1;
  for (int exponent = 0; exponent < exponents; ++exponent) {
    for (int mantissa = 0; mantissa < 1 << mantissa_bits; ++mantissa) {
      const double fraction = std::ldexp(mantissa, -mantissa_bits) + (exponent > 0 ? 1 : 0);
      values.push_back(std::ldexp(fraction, std::max(exponent, 1) - bias));
    }
  }
  return values;
}

// The nearest of `values`, of two as near the one of even rank; past the last, infinity where the
// step after it would be nearer.
double Nearest(const std::vector<double>& values, double x) {
  const auto above = std::upper_bound(values.begin(), values.end(), x) - values.begin();
  if (above == 0) return values[0];
  const double below = values[above - 1];
  const bool last = above == static_cast<std::ptrdiff_t>(values.size());
  const double next = last ? 2 * below - values[above - 2] : values[above];
  const bool up = x - below > next - x || (x - below == next - x && above % 2 == 0);
  if (!up) return below;
  return last ? HUGE_VAL : next;
}

template <typename T>
void ExpectNearestValues(const std::vector<double>& values) {
  const auto expect = [&](float x) {
    const float got = T(x),
                want = static_cast<float>(std::copysign(Nearest(values, std::fabs(x)), x));
    ASSERT_EQ(got, want) << x;
    ASSERT_EQ(std::signbit(got), std::signbit(x)) << x;
  };
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    const auto middle = static_cast<float>((values[i] + values[i + 1]) / 2);
    for (float x : {static_cast<float>(values[i]), middle, std::nextafterf(middle, 0),
                    std::nextafterf(middle, HUGE_VALF)}) {
      expect(x);
      expect(-x);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  Rng rng(1);
  for (int i = 0; i < 100000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<uint32_t>(rng.Next()));
    if (std::isfinite(x)) expect(x);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(NarrowFloats, RoundToTheNearestValueTiesToEven) {
  ExpectNearestValues<Float16>(Magnitudes(10, 15));
  ExpectNearestValues<BFloat16>(Magnitudes(7, 127));
}

TEST(NarrowFloats, EveryPatternSurvivesTheWayThroughFloat32) {
  for (uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float half = Float16ToFloat(bits), brain = BFloat16ToFloat(bits);
    if (std::isnan(half)) {
      ASSERT_TRUE(std::isnan(Float16ToFloat(FloatToFloat16(half)))) << i;
    } else {
      ASSERT_EQ(FloatToFloat16(half), bits) << i;
    }
    if (std::isnan(brain)) {
      ASSERT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(brain)))) << i;
    } else {
      ASSERT_EQ(FloatToBFloat16(brain), bits) << i;
    }
  }
}

TEST(NarrowFloats, OverflowToInfinityAndKeepSubnormals) {
  EXPECT_EQ(Float16(65519.0f), 65504.0f);
  EXPECT_EQ(Float16(65520.0f), HUGE_VALF);
  EXPECT_EQ(Float16(0x1p-24f), 0x1p-24f);
  EXPECT_EQ(Float16(0x1p-25f), 0.0f);
  EXPECT_EQ(BFloat16(3.4e38f), HUGE_VALF);
}

TEST(Tensors, HoldElementsOfEveryType) {
  for (DType dtype : kAll) {
    Tensor tensor({dtype, {3}});
    tensor.Set(1, 1);
    EXPECT_EQ(tensor.AsDouble(1), 1) << NameOf(dtype);
    EXPECT_EQ(tensor.AsInt(2), 0) << NameOf(dtype);
  }
  Tensor half({DType::kF16, {1}});
  half.Set(0, 0.1);
  EXPECT_EQ(half.AsDouble(0), 0.0999755859375);
}

}  // namespace
}  // namespace tilewright
