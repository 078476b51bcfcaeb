// A record replaces the default only where it is faster beyond the noise of both.
#include "records/lookup/beats_default.h"

#include <gtest/gtest.h>

#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

// A small dense layer's default, and another config of its space.
class BeatsDefaultTest : public testing::Test {
 protected:
  BeatsDefaultTest() {
    fallback_ = SampleRecord("default");
    fallback_.task = {ParseWorkload("dense(float32[4,32],float32[64,32];,NK16n,)").value(), "",
                      ParseTarget("cpu -mcpu=znver5").value()};
    const TemplateEntry entry = *UntunedTemplate(fallback_.task.workload, fallback_.task.target,
                                                 /*exact=*/false);
    fallback_.task.template_name = entry.name;
    fallback_.config = entry.impl->Default(fallback_.task.workload, fallback_.task.target);
    record_ = fallback_;
    record_.run_id = "other";
    const ConfigSpace space = entry.impl->Space(fallback_.task.workload, fallback_.task.target);
    record_.config = space.At(space.Neighbors(space.IndexOf(fallback_.config).value()).front());
  }

  bool Beats(std::vector<double> record, std::vector<double> fallback) {
    record_.outcome = Timing{std::move(record)};
    fallback_.outcome = Timing{std::move(fallback)};
    const std::unique_ptr<RecordStore> store = MakeMemoryStore();
    EXPECT_TRUE(store->Append(std::vector<Record>{fallback_, record_}).ok());
    return Beats(*store, record_);
  }

  static bool Beats(const RecordStore& store, const Record& record) {
    const std::optional<AskedConfig> rival = Defaults(/*exact=*/false).RivalOf(record).value();
    return tilewright::Beats(record, ConfigTimings(store, {&rival, 1})->front());
  }

  Record fallback_, record_;
};

TEST_F(BeatsDefaultTest, AClearGainCounts) {
  EXPECT_TRUE(Beats({0.90, 0.91, 0.92, 0.91}, {1.00, 1.01, 1.02, 1.01}));
}

TEST_F(BeatsDefaultTest, OverlappingSamplesAreNoGain) {
  EXPECT_FALSE(Beats({0.90, 0.99, 1.05, 1.06}, {1.00, 1.01, 1.02, 1.08}));
}

TEST_F(BeatsDefaultTest, LessThanAPercentIsNoGain) {
  EXPECT_FALSE(Beats({0.995, 0.995, 0.995}, {1.0, 1.0, 1.0}));
}

TEST_F(BeatsDefaultTest, ADefaultThatWasNotMeasuredLosesToAnyRecord) {
  record_.outcome = Timing{{1.0}};
  const std::unique_ptr<RecordStore> store = MakeMemoryStore();
  ASSERT_TRUE(store->Append(std::vector<Record>{record_}).ok());
  EXPECT_TRUE(Beats(*store, record_));
}

TEST_F(BeatsDefaultTest, ADefaultOfAnotherDeviceSaysNothing) {
  fallback_.device_key = "slow";
  EXPECT_TRUE(Beats({1.0, 1.0}, {1.0, 1.0}));
}

TEST_F(BeatsDefaultTest, TheDefaultsOwnRecordIsKept) {
  fallback_.outcome = Timing{{1.0}};
  const std::unique_ptr<RecordStore> store = MakeMemoryStore();
  ASSERT_TRUE(store->Append(std::vector<Record>{fallback_}).ok());
  EXPECT_TRUE(Beats(*store, fallback_));
}

TEST(Defaults, AreFoundOnceForEachWorkloadAndTarget) {
  Defaults defaults(/*exact=*/false);
  const Workload layer = ParseWorkload("dense(float32[4,32],float32[64,32];,NK16n,)").value();
  const Target here = ParseTarget("cpu -mcpu=znver5").value();
  const Defaults::Default* const found = defaults.Of(layer, here).value();
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(defaults.Of(layer, here).value(), found) << "the same object, not found again";
  EXPECT_NE(defaults.Of(layer, ParseTarget("cpu -mcpu=haswell").value()).value(), found);
}

TEST(Defaults, ThereIsNoneWhereNoTemplateTakesTheWorkload) {
  Defaults defaults(/*exact=*/false);
  const Workload layer = ParseWorkload("dense(float32[4,32],float32[64,32];,NK16n,)").value();
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(defaults.Of(layer, ParseTarget("cuda -arch=sm_90").value()).value(), nullptr);
  }
}

}  // namespace
}  // namespace tilewright
