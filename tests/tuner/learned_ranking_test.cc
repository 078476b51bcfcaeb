#include "tuner/transfer/learned_ranking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "compiler/operators/workload_rules.h"
#include "tests/records/sample_records.h"
#include "tuner/transfer/ranking_samples.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kTemplate[] = "dense_pack.cpu";

Task DenseOf(int64_t width) {
  const std::string n = std::to_string(width);
  return {ParseWorkload("dense(float32[1,64],float32[" + n + ",64];,NK16n,)").value(), kTemplate,
          ParseTarget("cpu -mcpu=skylake-avx512").value()};
}

// Two knobs; the best tile is an eighth of the width, and unrolling helps a little.
ConfigSpace SpaceOf(int64_t width) {
  ConfigSpace space;
  space.DefineSplit("tile", width, {});
  space.DefineKnob("unroll", {OtherEntity{false}, OtherEntity{true}});
  return space;
}

double SecondsOf(int64_t width, const Config& config) {
  const double miss = std::log2(static_cast<double>(config.Inner("tile")) * 8 / width);
  return 1e-3 * (1 + miss * miss) * (config.Bool("unroll") ? 1 : 1.1);
}

Record MeasuredRecord(int64_t width, uint64_t index) {
  const ConfigSpace space = SpaceOf(width);
  Record record = SampleRecord(absl::StrCat("run", width, ".", index));
  record.task = DenseOf(width);
  record.config = space.At(index);
  record.index = index;
  record.outcome = Timing{{SecondsOf(width, record.config)}};
  return record;
}

std::unique_ptr<RecordStore> RecordsOfWidths(const std::vector<int64_t>& widths) {
  std::unique_ptr<RecordStore> store = MakeMemoryStore();
  for (int64_t width : widths) {
    for (uint64_t i = 0; i < SpaceOf(width).size(); ++i) {
      EXPECT_TRUE(store->Append({{MeasuredRecord(width, i)}}).ok());
    }
  }
  return store;
}

const std::vector<int64_t> kSeen = {64, 128, 256, 512, 1024, 4096, 8192, 16384};

TEST(LearnedRanking, BeginsAnUnseenTaskWithConfigsNearItsBest) {
  const auto samples = SamplesOf(*RecordsOfWidths(kSeen), {}).value();
  const LearnedRanking learned = LearnedRanking::Train(samples).value();
  const ConfigSpace space = SpaceOf(2048);
  const std::vector<uint64_t> first = learned.Best(DenseOf(2048), space, 4, 0);
  ASSERT_THAT(first, SizeIs(4));
  double best = INFINITY;
  for (uint64_t index : first) best = std::min(best, SecondsOf(2048, space.At(index)));
  EXPECT_LE(best, 1.11e-3) << "among the first four of " << space.size();
}

TEST(LearnedRanking, SaysNothingOfATemplateThatItDoesNotKnow) {
  const auto samples = SamplesOf(*RecordsOfWidths(kSeen), {}).value();
  const LearnedRanking learned = LearnedRanking::Train(samples).value();
  Task other = DenseOf(2048);
  other.template_name = "dense_small_batch.cpu";
  EXPECT_THAT(learned.Best(other, SpaceOf(2048), 4, 0), IsEmpty());
  EXPECT_THAT(learned.Templates(), ElementsAre(kTemplate));
}

TEST(LearnedRanking, AFileGivesTheSameRanking) {
  const auto samples = SamplesOf(*RecordsOfWidths(kSeen), {}).value();
  const LearnedRanking learned = LearnedRanking::Train(samples).value();
  const LearnedRanking read = LearnedRanking::Parse(learned.Text().value()).value();
  const ConfigSpace space = SpaceOf(2048);
  EXPECT_EQ(read.Best(DenseOf(2048), space, 8, 1), learned.Best(DenseOf(2048), space, 8, 1));
}

TEST(LearnedRanking, AFileThatIsNoneIsRefusedWithTheReason) {
  const auto samples = SamplesOf(*RecordsOfWidths({64, 128}), {}).value();
  const std::string good = LearnedRanking::Train(samples).value().Text().value();
  const auto why = [](const std::string& text) {
    return std::string(LearnedRanking::Parse(text).status().message());
  };
  EXPECT_THAT(why(""), HasSubstr("tilewright train"));
  EXPECT_THAT(why("{}"), HasSubstr("format"));
  EXPECT_THAT(why("{\"format\": 3}"), HasSubstr("another format"));
  EXPECT_THAT(why(good.substr(0, good.size() / 2)), HasSubstr("not a cost model"));
  std::string other = good;
  other.replace(other.find("\"columns\":["), 11, "\"columns\":[\"more\",");
  EXPECT_THAT(why(other), HasSubstr("damaged"));
}

TEST(LearnedRanking, ADamagedFileIsRefusedBeforeItsTreesAreRead) {
  const auto samples = SamplesOf(*RecordsOfWidths({64, 128}), {}).value();
  const std::string good = LearnedRanking::Train(samples).value().Text().value();
  Rng rng(7);
  for (int round = 0; round < 50; ++round) {
    std::string text = good;
    char& byte = text[rng.Below(text.size() - 1)];  // the last ends the line
    byte = static_cast<char>(byte ^ (1 + rng.Below(127)));
    EXPECT_TRUE(absl::IsInvalidArgument(LearnedRanking::Parse(text).status())) << "round " << round;
  }
}

TEST(RankingSamples, CompareWithTheFastestOfTheTaskAndCountFailuresAsNothing) {
  std::unique_ptr<RecordStore> store = MakeMemoryStore();
  Record fast = MeasuredRecord(64, 0), again = MeasuredRecord(64, 0), slow = MeasuredRecord(64, 1),
         failed = MeasuredRecord(64, 2), lone_failure = MeasuredRecord(128, 0);
  fast.outcome = Timing{{2e-3}};
  again.outcome = Timing{{1e-3}};
  again.run_id = "again";
  slow.outcome = Timing{{4e-3}};
  failed.outcome = Failure{FailureKind::kCrash, "signal 11"};
  lone_failure.outcome = Failure{FailureKind::kCrash, "signal 11"};
  ASSERT_TRUE(store->Append({{fast, again, slow, failed, lone_failure}}).ok());
  const auto samples = SamplesOf(*store, {}).value();
  std::vector<float> scores;
  for (const RankingSample& sample : samples.at(kTemplate)) scores.push_back(sample.score);
  EXPECT_THAT(scores, ::testing::UnorderedElementsAre(1.0f, 0.25f, 0.0f));
}

TEST(RankingSamples, ARankingIsJudgedOnTasksThatItHasNotSeen) {
  const auto samples = SamplesOf(*RecordsOfWidths(kSeen), {}).value();
  const Judgement judgement = Judge(samples.at(kTemplate), 4).value();
  EXPECT_GE(judgement.groups, 5u);
  EXPECT_GT(judgement.learned, judgement.random);
  EXPECT_LE(judgement.learned, 1);
  const auto few = SamplesOf(*RecordsOfWidths({64, 128}), {}).value();
  EXPECT_EQ(Judge(few.at(kTemplate), 4).value().groups, 0u) << "too few to judge";
}

}  // namespace
}  // namespace tilewright
