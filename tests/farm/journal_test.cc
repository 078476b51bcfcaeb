// What a resumed job reads of its earlier lives.
#include "tuner/server/jobs/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using Kind = TuneStep::Kind;

// Of the trial's number; no two have the same time.
Record ResultOf(uint64_t trial, const std::string& run_id) {
  Record record = SampleRecord(run_id, 1e-3 * static_cast<double>(trial));
  record.trial = trial;
  return record;
}

class JournalTest : public ::testing::Test {
 protected:
  void Store(uint64_t trial) {
    const Record record = ResultOf(trial, absl::StrCat("run-", trial));
    ASSERT_TRUE(store_->Append({&record, 1}).ok());
  }
  // A step a row.
  void Tell(Kind kind, uint64_t trial) {
    const TuneStep step{.kind = kind, .number = trial, .index = trial};
    JobStepRow row = EncodeSteps({&step, 1});
    row.job = "job-7";
    row.step = ++rows_;
    ASSERT_TRUE(store_->Commit({.steps = {&row, 1}}).ok());
  }
  // Trials whose results are told, in their order; each must have its own time.
  std::vector<uint64_t> Results() {
    JournalReader reader = JournalReader::Open(*store_, "job-7", /*leftover=*/true).value();
    std::vector<uint64_t> results;
    for (JournalEntry entry; reader.Next(&entry);) {
      if (entry.step->kind != Kind::kResult) continue;
      const Outcome expected = ResultOf(entry.step->number, "any").outcome;
      EXPECT_EQ(entry.step->measured.outcome, expected) << entry.step->number;
      results.push_back(entry.step->number);
    }
    EXPECT_TRUE(reader.status().ok()) << reader.status();
    return results;
  }

  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  uint64_t rows_ = 0;
};

TEST_F(JournalTest, ResultsAreToldInTheOrderOfTheJournalHoweverTheyWereStored) {
  constexpr uint64_t kTrials = 2000;  // several times what is read at once
  std::vector<uint64_t> told;
  for (uint64_t trial = kTrials; trial > 0; --trial) Store(trial);
  for (uint64_t trial = 1; trial <= kTrials; ++trial) {
    Tell(Kind::kStart, trial);
    Tell(Kind::kResult, trial);
    told.push_back(trial);
  }
  EXPECT_EQ(Results(), told);
}

TEST_F(JournalTest, WhatWasStoredAndNotToldComesAtTheEndInTheOrderInWhichItWasStored) {
  for (const uint64_t trial : {1, 2, 3, 4}) Tell(Kind::kStart, trial);
  for (const uint64_t trial : {4, 2, 3, 1}) Store(trial);
  Tell(Kind::kResult, 2);
  EXPECT_THAT(Results(), ElementsAre(2, 4, 3, 1));
}

TEST_F(JournalTest, ASecondResultOfATrialIsNotTold) {
  Tell(Kind::kStart, 1);
  Store(1);
  Tell(Kind::kResult, 1);
  Record late = ResultOf(1, "late");
  late.outcome = Timing{{5}};
  ASSERT_TRUE(store_->Append({&late, 1}).ok());
  EXPECT_THAT(Results(), ElementsAre(1));
}

}  // namespace
}  // namespace tilewright
