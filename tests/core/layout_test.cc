#include "compiler/core/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using testing::ElementsAre;

TEST(Layout, PhysicalShapesRoundBlocksUp) {
  EXPECT_THAT(Layout::Parse("NCHW16c")->Physical({1, 3, 8, 9}), ElementsAre(1, 1, 8, 9, 16));
  EXPECT_THAT(Layout::Parse("OIHW4i8o")->Physical({12, 6, 3, 1}), ElementsAre(2, 2, 3, 1, 4, 8));
  EXPECT_THAT(Layout::Parse("NCHW")->Physical({1, 3, 8, 9}), ElementsAre(1, 3, 8, 9));
}

TEST(Layout, KnowsTheBlockOfALetter) {
  const Layout layout = Layout::Parse("OIHW4i8o").value();
  EXPECT_EQ(layout.BlockOf('I'), 4);
  EXPECT_EQ(layout.BlockOf('O'), 8);
  EXPECT_EQ(layout.BlockOf('H'), 1);
  EXPECT_TRUE(layout.blocked());
  EXPECT_EQ(layout.rank(), 4u);
}

TEST(Layout, RefusesMalformedNames) {
  for (const char* name : {"NN", "NCHW16", "NCHWc", "NCHW16x", "NCHW1c", "NC-HW", "NCHW9999c",
                           "NCHW016c", "NCHW16\xe3"}) {
    EXPECT_EQ(Layout::Parse(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(PackTensor, PutsBlocksInnermostAndZerosInThePadding) {
  const Tensor plain({.dtype = DType::kF32, .shape = {3, 2}}, std::vector<float>{1, 2, 3, 4, 5, 6});
  const Tensor packed = PackTensor(plain, Layout::Parse("NK2n").value());
  ASSERT_THAT(packed.shape(), ElementsAre(2, 2, 2));
  const float* at = packed.as<float>();
  EXPECT_THAT(std::vector<float>(at, at + 8), ElementsAre(1, 3, 2, 4, 5, 0, 6, 0));
}

}  // namespace
}  // namespace tilewright
