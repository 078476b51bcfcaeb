#include "compiler/loop/float_size.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tilewright {
namespace {

Expr InFloats(DType dtype) {
  return Cast(Load(MakeBuffer("in", dtype, {1}), {Int(0)}), DType::kF32);
}

Expr Clipped(const Expr& x, double lo, double hi) { return Min(Max(x, Float(lo)), Float(hi)); }

TEST(ClipOf, FindsWhatIsClippedByLiterals) {
  const Expr x = InFloats(DType::kI32);
  const std::optional<Clip> clip = ClipOf(Clipped(x, -3, 5));
  ASSERT_TRUE(clip.has_value());
  EXPECT_EQ(clip->of, x);
  EXPECT_EQ(clip->lowest, -3);
  EXPECT_EQ(clip->highest, 5);
  EXPECT_FALSE(ClipOf(Min(x, Float(5))));
  EXPECT_FALSE(ClipOf(Min(Max(x, x), Float(5))));
}

TEST(LargestSize, FollowsTheTypesOfWhatIsLoaded) {
  EXPECT_EQ(LargestSize(InFloats(DType::kU8)), 255);
  EXPECT_EQ(LargestSize(InFloats(DType::kI8)), 128);
  EXPECT_EQ(LargestSize(InFloats(DType::kF32)), HUGE_VAL);
}

TEST(LargestSize, FollowsArithmetic) {
  const Expr byte = InFloats(DType::kU8), unknown = InFloats(DType::kF32);
  EXPECT_EQ(LargestSize(byte * Float(-2) - Float(3)), 513);
  EXPECT_EQ(LargestSize(Call("round", {byte}, DType::kF32)), 255.5);
  EXPECT_EQ(LargestSize(Clipped(unknown, -7, 2) * Float(4)), 28);
  EXPECT_EQ(LargestSize(unknown * Float(0)), HUGE_VAL);
  EXPECT_EQ(LargestSize(unknown + byte), HUGE_VAL);
  EXPECT_EQ(LargestSize(Call("exp", {byte}, DType::kF32)), HUGE_VAL);
}

}  // namespace
}  // namespace tilewright
