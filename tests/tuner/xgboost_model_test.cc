#include "tuner/model/xgboost_model.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace tilewright {
namespace {

// Scores fall with the distance of column 0 from 3; column 1 is noise.
struct Landscape {
  FeatureMatrix rows{.columns = 2};
  std::vector<float> scores;
};

Landscape Draw(size_t count, uint64_t seed) {
  Landscape drawn;
  Rng rng(seed);
  for (size_t i = 0; i < count; ++i) {
    const float x = static_cast<float>(rng.Below(8));
    drawn.rows.values.push_back(x);
    drawn.rows.values.push_back(static_cast<float>(rng.Unit()));
    drawn.scores.push_back(1 / (1 + (x - 3) * (x - 3)));
  }
  return drawn;
}

// Share of the pairs with different scores that the model puts in order.
double PairsInOrder(const CostModel& model, const Landscape& landscape) {
  const std::vector<float> predicted = model.Score(landscape.rows);
  int right = 0, all = 0;
  for (size_t i = 0; i < predicted.size(); ++i) {
    for (size_t k = 0; k < predicted.size(); ++k) {
      if (landscape.scores[i] <= landscape.scores[k]) continue;
      ++all;
      right += predicted[i] > predicted[k];
    }
  }
  return static_cast<double>(right) / all;
}

class XgboostModelTest : public testing::TestWithParam<XgboostOptions::Loss> {};

TEST_P(XgboostModelTest, RanksUnseenRows) {
  const auto model = MakeXgboostModel({.loss = GetParam()});
  const Landscape train = Draw(64, 1);
  ASSERT_TRUE(model->Fit(train.rows, train.scores).ok());
  EXPECT_GT(PairsInOrder(*model, Draw(100, 2)), 0.9);
}

TEST_P(XgboostModelTest, TheSameDataGivesTheSameScores) {
  const Landscape train = Draw(64, 1);
  const auto a = MakeXgboostModel({.loss = GetParam()});
  const auto b = MakeXgboostModel({.loss = GetParam()});
  ASSERT_TRUE(a->Fit(train.rows, train.scores).ok());
  ASSERT_TRUE(b->Fit(Draw(40, 9).rows, Draw(40, 9).scores).ok());
  ASSERT_TRUE(b->Fit(train.rows, train.scores).ok());  // from scratch
  EXPECT_EQ(a->Score(train.rows), b->Score(train.rows));
}

TEST_P(XgboostModelTest, LearnsFromFailuresAlone) {
  const auto model = MakeXgboostModel({.loss = GetParam()});
  const Landscape train = Draw(8, 1);
  const std::vector<float> zeros(8, 0);
  ASSERT_TRUE(model->Fit(train.rows, zeros).ok());
  EXPECT_EQ(model->Score(train.rows).size(), 8u);
}

INSTANTIATE_TEST_SUITE_P(Losses, XgboostModelTest,
                         testing::Values(XgboostOptions::Loss::kRegression,
                                         XgboostOptions::Loss::kRank));

TEST(XgboostModel, UntrainedScoresAreEqual) {
  const auto model = MakeXgboostModel({});
  EXPECT_EQ(model->Score(Draw(3, 1).rows), std::vector<float>(3, 0));
}

TEST(XgboostModel, RowsThatTheLibraryRefusesScoreEqual) {
  const auto model = MakeXgboostModel({});
  const Landscape train = Draw(64, 1);
  ASSERT_TRUE(model->Fit(train.rows, train.scores).ok());
  const FeatureMatrix wider{.columns = 3, .values = {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(model->Score(wider), std::vector<float>(2, 0));
}

}  // namespace
}  // namespace tilewright
