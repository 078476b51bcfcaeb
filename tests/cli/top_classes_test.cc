// The best classes of outputs.
#include "cli/run/top_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cli/npz/text_array.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

NpzArray Scores(const std::vector<float>& values, std::vector<int64_t> shape) {
  return {"scores", "float32", std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * 4)};
}

std::vector<int64_t> Indices(const std::vector<RankedClass>& classes) {
  std::vector<int64_t> indices;
  for (const RankedClass& c : classes) indices.push_back(c.index);
  return indices;
}

TEST(TopClasses, AreTheLargestOfEachRow) {
  const auto classes = TopClasses({Scores({1, 3, 2, 6, 4, 5}, {2, 3})}, 2, {});
  ASSERT_TRUE(classes.ok()) << classes.status();
  EXPECT_THAT(Indices(*classes), ElementsAre(1, 2, 0, 2));
  EXPECT_EQ((*classes)[2].row, 1);
  EXPECT_EQ((*classes)[2].value, 6);
}

TEST(TopClasses, TiesGoToTheLowerIndexAndNanComesLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Indices(*TopClasses({Scores({nan, 2, 5, 5, nan}, {5})}, 9, {})),
              ElementsAre(2, 3, 1, 0, 4));
}

TEST(TopClasses, DimensionsOfOneBehindTheClassesDoNotMatter) {
  EXPECT_THAT(Indices(*TopClasses({Scores({1, 2}, {1, 2, 1, 1})}, 1, {})), ElementsAre(1));
}

TEST(TopClasses, HalfPrecisionIsRead) {
  const NpzArray half{"y", "bfloat16", {2}, std::string("\x80\x3f\x00\x40", 4)};  // 1, 2
  EXPECT_EQ(TopClasses({half}, 1, {})->front().value, 2);
}

TEST(TopClasses, ArePrintedWithTheirLabels) {
  const auto classes = TopClasses({Scores({0.5, 0.25, 2}, {1, 3})}, 2, {"cat", "dog", "tea pot"});
  ASSERT_TRUE(classes.ok()) << classes.status();
  EXPECT_EQ(ToText(*classes),
            "output  row  class  value  label\n"
            "scores    0      2      2  tea pot\n"
            "scores    0      0    0.5  cat\n");
}

TEST(TopClasses, TheModelsOwnNamesAreLabelsUnlessSomeAreGiven) {
  const std::vector<NpzArray> outputs = {Scores({0.5, 0.25}, {1, 2}),
                                         TextArray("scores.classes", {2}, {"cat", "dog"})};
  EXPECT_EQ(TopClasses(outputs, 1, {})->at(0).label, "cat");
  EXPECT_EQ(TopClasses(outputs, 1, {"Katze", "Hund"})->at(0).label, "Katze");
}

TEST(TopClasses, LabelsMustBeOneAClass) {
  const auto classes = TopClasses({Scores({1, 2, 3}, {3})}, 1, {"cat", "dog"});
  EXPECT_EQ(classes.status().message(), "output scores has 3 classes, the labels are 2");
}

TEST(TopClasses, AModelWithoutClassesIsRefused) {
  const NpzArray boxes{"boxes", "float32", {1, 3, 4}, std::string(48, '\0')};
  const NpzArray ids{"ids", "int64", {1, 3}, std::string(24, '\0')};
  EXPECT_THAT(std::string(TopClasses({boxes, ids}, 1, {}).status().message()),
              HasSubstr("the outputs are boxes float32[1,3,4], ids int64[1,3]"));
}

TEST(Labels, AreTheLinesOfAFile) {
  const TempFolder folder;
  WriteAll(folder / "labels.txt", "cat\r\n\ndog\n");
  EXPECT_THAT(*ReadLabels(folder / "labels.txt"), ElementsAre("cat", "", "dog"));
  WriteAll(folder / "empty.txt", "");
  EXPECT_THAT(std::string(ReadLabels(folder / "empty.txt").status().message()),
              HasSubstr("has no labels"));
  EXPECT_THAT(std::string(ReadLabels(folder / "none.txt").status().message()),
              HasSubstr("cannot read "));
}

}  // namespace
}  // namespace tilewright
